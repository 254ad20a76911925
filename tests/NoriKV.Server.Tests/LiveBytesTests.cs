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
        for (int i = 1; i <= 6; i++) log.Add(i * 1000, [new("a", i * 3), new("b", 7)], [new HourLeader(5, 1, (ulong)i)], "{}"u8.ToArray());
        byte[][] seeds =
        [
            PictureBytes.Encode(Picture), HourBytes.Encode(log, Picture.Events, 3), new PictureQuestion(PictureKind.Hour, 5, [1]).Encode(),
        ];
        for (int i = 0; i < 20_000; i++)
        {
            byte[] bytes = [.. seeds[random.NextInt(seeds.Length)]];
            for (int flips = 1 + random.NextInt(4); flips > 0; flips--) bytes[random.NextInt(bytes.Length)] = (byte)random.NextInt(256);
            if (random.NextInt(3) == 0) bytes = bytes[..random.NextInt(bytes.Length)];
            long before = GC.GetAllocatedBytesForCurrentThread();
            _ = PictureBytes.TryDecode(bytes);
            _ = HourBytes.TryDecode(bytes);
            _ = PictureQuestion.TryDecode(bytes, out _);
            Assert.True(GC.GetAllocatedBytesForCurrentThread() - before < 1 << 20, $"seed {Seed}, round {i}: {Convert.ToHexString(bytes)}");
        }
    }

    [Fact]
    public void An_hour_forgets_its_oldest_samples_and_keeps_what_they_came_to()
    {
        var log = new HourLog(3);
        for (int i = 1; i <= 5; i++)
        {
            log.Add(
                i * 1000, [new("ops.put", i * 10), new("write.3", i), new("stage.log.4", i * 100), new("cpu", 1)],
                [new HourLeader(7, 1, 2), new HourLeader(8, (ulong)i, 3)], i < 5 ? "{}"u8.ToArray() : "[]"u8.ToArray());
        }

        HourPicture read = HourBytes.TryDecode(HourBytes.Encode(log, [], 9))!;

        // Buckets of stages are of the present only.
        Assert.Equal(["ops.put", "write.3", "cpu"], read.Names);
        Assert.Equal([3000L, 4000, 5000], read.Samples.Select(static s => s.UnixMs));
        Assert.Equal([(0, 30L), (1, 3), (2, 1)], read.Samples[0].Changes);
        Assert.Equal([(0, 10L), (1, 1)], read.Samples[1].Changes);
        Assert.Equal([new HourLeader(7, 1, 2), new HourLeader(8, 3, 3)], read.Samples[0].Leaders);
        Assert.Equal([new HourLeader(8, 4, 3)], read.Samples[1].Leaders);
        Assert.Equal(["{}", "", "[]"], read.Samples.Select(static s => Encoding.UTF8.GetString(s.Facts.Span)));
        Assert.Equal(9UL, read.EventsDropped);
        Assert.Equal(3, log.Count);
    }

    [Fact]
    public void An_hour_of_too_many_bytes_is_shorter()
    {
        var log = new HourLog(1000, bytesMax: 10_000);
        for (int i = 1; i <= 1000; i++) log.Add(i * 1000, [new("ops.put", i)], [], default);
        Assert.InRange(log.Count, 50, 100);
        Assert.Equal(1000, HourBytes.TryDecode(HourBytes.Encode(log, [], 0))!.Samples.Sum(static s => s.Changes.Sum(static c => c.Change)));
    }

    // What a node answers is bounded: the oldest goes, and what went of the events is told.
    [Fact]
    public void An_hour_that_is_too_long_for_an_answer_loses_its_oldest()
    {
        var random = new Prng(7);
        byte[] noise = new byte[700];
        var events = new List<ReadOnlyMemory<byte>>();
        for (int i = 0; i < 2000; i++)
        {
            for (int k = 0; k < noise.Length; k++) noise[k] = (byte)random.NextInt(256);
            events.Add(Encoding.UTF8.GetBytes($"\"{Convert.ToBase64String(noise)}\""));
        }

        var log = new HourLog(4);
        log.Add(1000, [new("ops.put", 1)], [], default);
        byte[] bytes = HourBytes.Encode(log, events, 5);
        Assert.InRange(bytes.Length, 1, NoriKV.Node.Live.LiveBounds.AnswerBytesMax);
        HourPicture read = HourBytes.TryDecode(bytes)!;
        Assert.Equal(2005UL, read.EventsDropped + (ulong)read.Events.Count);
        Assert.InRange(read.Events.Count, 200, 1000);
        Assert.Equal(events[^1].ToArray(), read.Events[^1].ToArray());
    }

    [Fact]
    public void Events_of_the_hour_that_are_not_remembered_are_counted()
    {
        var time = new HourTime();
        var news = new EventRing(16, time);
        var events = new HourEvents(news, "n1", 64, time);
        events.Look();
        for (int i = 0; i < 40; i++) news.Emit(new Happened(i));
        (IReadOnlyList<ReadOnlyMemory<byte>> told, ulong dropped) = events.Take();
        Assert.Equal((16, 24UL), (told.Count, dropped));
        events.Look();
        time.Advance(TimeSpan.FromMinutes(61));
        events.Look();
        news.Emit(new Happened(41));
        time.Advance(TimeSpan.FromMinutes(1));
        (told, dropped) = events.Take();
        Assert.Equal((1, 0UL), (told.Count, dropped));
    }

    private readonly record struct Happened(int N) : IEvent
    {
        public string Family => "Wal";

        public string Kind => "SegmentRoll";

        public void WriteFields(IEventFields fields) => fields.Add("n", N);
    }

    private sealed class HourTime : TimeProvider
    {
        private long _now = 1;

        public override long GetTimestamp() => _now;

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override DateTimeOffset GetUtcNow() => DateTimeOffset.UnixEpoch.AddTicks(_now).AddYears(50);

        public void Advance(TimeSpan by) => _now += by.Ticks;
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
