using System.Text;
using Nori.Core;
using Nori.Observe;
using Nori.Observe.Prometheus;
using NoriKV.Server.Live;

namespace NoriKV.Server.Tests;

/// <summary>What nodes tell each other for those who watch: bytes, figures, events.</summary>
public sealed class LiveBytesTests
{
    private static NodePicture Picture => new()
    {
        BootEpoch = 3,
        UnixMs = 1_795_253_400_000,
        Figures = [new("ops.put", 17), new("gc.heap", -5), new("lsm.bytes.1", long.MaxValue)],
        Facts = """{"status":"healthy"}"""u8.ToArray(),
        Leads = [new LedShard(0, 2, 9, 0), new LedShard(1023, ulong.MaxValue, 1, 77)],
        Standings = [new Standing(5, 8, 3, 1, 4, 10, 12, 9)],
        EventsThrough = 99,
        EventsElided = 4,
        Events = ["""{"seq":99}"""u8.ToArray()],
    };

    [Fact]
    public void A_picture_is_read_as_it_was_written()
    {
        NodePicture read = PictureBytes.TryDecode(PictureBytes.Encode(Picture))!;
        Assert.Equal((Picture.BootEpoch, Picture.UnixMs, 99UL, 4U), (read.BootEpoch, read.UnixMs, read.EventsThrough, read.EventsElided));
        Assert.Equal(Picture.Figures, read.Figures);
        Assert.Equal(Picture.Leads, read.Leads);
        Assert.Equal(Picture.Standings, read.Standings);
        Assert.Equal(Picture.Facts.ToArray(), read.Facts.ToArray());
        Assert.Equal("""{"seq":99}""", Encoding.UTF8.GetString(Assert.Single(read.Events).Span));
    }

    [Fact]
    public void A_question_is_read_as_it_was_written_and_asks_for_few_shards()
    {
        var question = new PictureQuestion(PictureKind.Now, 12, [7, 1023]);
        Assert.True(PictureQuestion.TryDecode(question.Encode(), out PictureQuestion read));
        Assert.Equal((question.Kind, question.EventsAfter), (read.Kind, read.EventsAfter));
        Assert.Equal(question.Shards, read.Shards);
        byte[] greedy = new PictureQuestion(PictureKind.Now, 0, [.. Enumerable.Range(0, 17).Select(static i => (uint)i)]).Encode();
        Assert.False(PictureQuestion.TryDecode(greedy, out _));
    }

    [Fact]
    public void Damaged_bytes_are_a_picture_or_none_and_nothing_else()
    {
        const ulong Seed = 176;
        var random = new Prng(Seed);
        var log = new HourLog(4);
        for (int i = 1; i <= 6; i++) log.Add(i * 1000, [new("a", i * 3), new("b", 7)]);
        byte[][] seeds =
        [
            PictureBytes.Encode(Picture), log.Encode(Picture.Events), new PictureQuestion(PictureKind.Hour, 5, [1]).Encode(),
        ];
        for (int i = 0; i < 20_000; i++)
        {
            byte[] bytes = [.. seeds[random.NextInt(seeds.Length)]];
            for (int flips = 1 + random.NextInt(4); flips > 0; flips--) bytes[random.NextInt(bytes.Length)] = (byte)random.NextInt(256);
            if (random.NextInt(3) == 0) bytes = bytes[..random.NextInt(bytes.Length)];
            long before = GC.GetAllocatedBytesForCurrentThread();
            _ = PictureBytes.TryDecode(bytes);
            _ = HourLog.TryDecode(bytes);
            _ = PictureQuestion.TryDecode(bytes, out _);
            Assert.True(GC.GetAllocatedBytesForCurrentThread() - before < 1 << 20, $"seed {Seed}, round {i}: {Convert.ToHexString(bytes)}");
        }
    }

    [Fact]
    public void An_hour_forgets_its_oldest_samples_and_keeps_what_they_came_to()
    {
        var log = new HourLog(3);
        for (int i = 1; i <= 5; i++)
            log.Add(i * 1000, [new("ops.put", i * 10), new("write.3", i), new("fsync.4", i * 100), new("cpu", 1)]);
        HourPicture read = HourLog.TryDecode(log.Encode([]))!;

        // Buckets of syncs are of the present only.
        Assert.Equal(["ops.put", "write.3", "cpu"], read.Names);
        Assert.Equal([3000L, 4000, 5000], read.Samples.Select(static s => s.UnixMs));
        Assert.Equal([(0, 30L), (1, 3), (2, 1)], read.Samples[0].Changes);
        Assert.Equal([(0, 10L), (1, 1)], read.Samples[1].Changes);
        Assert.Equal(3, log.Count);
    }

    [Fact]
    public void Figures_are_the_meters_under_short_names()
    {
        var meter = new PrometheusMeter(new PrometheusOptions { ProcessMetrics = false, RuntimeMetrics = false });
        meter.Counter("kv_requests_total", "h", new Label("operation", "put"), new Label("status", "ok")).Add(5);
        meter.Counter("kv_requests_total", "h", new Label("operation", "put"), new Label("status", "overloaded")).Add(2);
        meter.Gauge("lsm_level_bytes", "h", new Label("level", "1")).Set(4096);
        Histogram duration = meter.Histogram(
            "kv_request_duration_seconds", "h", Buckets.Latency, new Label("operation", "put"), new Label("status", "ok"));
        duration.Record(0.00007);
        duration.Record(0.002);
        Dictionary<string, long> figures = FigureReader.Read(meter);
        Assert.Equal(7, figures["ops.put"]);
        Assert.Equal(2, figures["error.overloaded"]);
        Assert.False(figures.ContainsKey("error.ok"));
        Assert.Equal(4096, figures["lsm.bytes.1"]);
        Assert.Equal((1, 1, 2), (figures["write.1"], figures["write.5"], figures["write.count"]));
        Assert.InRange(figures["write.sum"], 2000, 2100);
    }

    [Theory]
    [InlineData(0, 0)]
    [InlineData(0.5, 1 + 5)]
    [InlineData(1e30, 255)]
    public void A_scale_of_a_byte_is_logarithmic(double value, int expected) => Assert.Equal(expected, LiveCluster.Scale(value));
}
