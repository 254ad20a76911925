using System.Text.Json;
using NoriKV.Node;
using NoriKV.Node.Live;
using NoriKV.Node.Meta;
using NoriKV.Node.Ports;
using NoriKV.Server.Live;
using NoriKV.Transport.Http.Live;
using NoriKV.Types;

namespace NoriKV.Server.Tests;

/// <summary>The dashboard's feed: differences, budget, and that nobody is asked while nobody watches.</summary>
public sealed class LiveFeedTests
{
    private static readonly ClusterMap Map = new()
    {
        Revision = 1,
        Nodes = [Node(1, "n1"), Node(2, "n2")],
        Shards = [.. Enumerable.Range(0, 4).Select(static _ => (IReadOnlyList<PlannedReplica>)
            [.. new ulong[] { 1, 2 }.Select(static n => new PlannedReplica(new ReplicaId(n), new NodeNumber(n), false))])],
    };

    [Fact]
    public void The_first_message_tells_all_and_the_next_what_changed()
    {
        using var messages = new LiveMessages(0, TimeProvider.System);
        var events = new LiveEventLog();
        LiveCluster first = Cluster(Picture(1, ("ops.put", 10), ("cpu", 5)), null, 1, 1, 2, 0);
        events.Add(["""{"seq":1}"""u8.ToArray()], 0);
        JsonElement message = Parse(messages.Next(first, events, []));
        Assert.Equal(["n1", "n2"], message.GetProperty("nodes").EnumerateArray().Select(static n => n.GetProperty("id").GetString()));
        Assert.Equal("""[0,"ops.put","cpu"]""", message.GetProperty("names").GetRawText());
        Assert.Equal("[[1,0,10,1,5]]", message.GetProperty("figures").GetRawText());
        Assert.Equal("""[[1,{"status":"healthy"}],[2,null]]""", message.GetProperty("facts").GetRawText());
        Assert.Equal([1, 1, 2, 0], message.GetProperty("leaders").GetBytesFromBase64());
        Assert.Equal([3, 3, 3, 3], message.GetProperty("replicas").GetBytesFromBase64());
        Assert.Equal("""[{"seq":1}]""", message.GetProperty("events").GetRawText());
        Assert.Equal(1, message.GetProperty("through").GetInt64());

        LiveCluster second = Cluster(Picture(1, ("ops.put", 13), ("cpu", 5), ("fds", 2)), null, 1, 2, 2, 0);
        message = Parse(messages.Next(second, events, []));
        Assert.False(message.TryGetProperty("nodes", out _));
        Assert.Equal("""[2,"fds"]""", message.GetProperty("names").GetRawText());
        Assert.Equal("[[1,0,3,2,2]]", message.GetProperty("figures").GetRawText());
        Assert.Equal("[1,2,7]", message.GetProperty("led").GetRawText());
        Assert.False(message.TryGetProperty("events", out _));
        message = Parse(messages.Next(second, events, []));
        Assert.Equal(["t"], message.EnumerateObject().Select(static p => p.Name));
    }

    [Fact]
    public void Another_process_of_a_node_begins_its_figures_anew()
    {
        using var messages = new LiveMessages(0, TimeProvider.System);
        var events = new LiveEventLog();
        messages.Next(Cluster(Picture(1, ("ops.put", 10)), null, 1, 1, 1, 1), events, []);
        JsonElement message = Parse(messages.Next(Cluster(Picture(2, ("ops.put", 4)), null, 1, 1, 1, 1), events, []));
        Assert.Equal("[1]", message.GetProperty("reset").GetRawText());
        Assert.Equal("[[1,0,4]]", message.GetProperty("figures").GetRawText());
    }

    [Fact]
    public void Replicas_are_told_of_the_shards_that_are_looked_at()
    {
        using var messages = new LiveMessages(0, TimeProvider.System);
        NodePicture picture = Picture(1) with
        {
            Standings = [new Standing(2, 1, 3, 1, 5, 10, 12, 9), new Standing(3, 1, 0, 2, 5, 1, 1, 1)],
        };
        JsonElement message = Parse(messages.Next(Cluster(picture, null, 1, 1, 1, 1), new LiveEventLog(), [2]));
        Assert.Equal("[[2,1,3,5,10,12,9,1]]", message.GetProperty("standings").GetRawText());
    }

    [Fact]
    public void What_a_node_sends_that_is_no_JSON_breaks_nothing()
    {
        using var messages = new LiveMessages(0, TimeProvider.System);
        var events = new LiveEventLog();
        events.Add(["{\"seq\":"u8.ToArray(), "{}}"u8.ToArray(), """{"seq":3}"""u8.ToArray()], 0);
        NodePicture picture = Picture(1) with { Facts = "]"u8.ToArray() };
        JsonElement message = Parse(messages.Next(Cluster(picture, null, 1, 1, 1, 1), events, []));
        Assert.Equal("""[null,null,{"seq":3}]""", message.GetProperty("events").GetRawText());
        Assert.Equal("[[1,null],[2,null]]", message.GetProperty("facts").GetRawText());
    }

    [Fact]
    public void Events_go_on_behind_the_last_one_and_those_too_many_are_counted()
    {
        var log = new LiveEventLog();
        for (int i = 1; i <= 30; i++) log.Add([new[] { (byte)i }], 0);
        (IReadOnlyList<ReadOnlyMemory<byte>> events, long through, long skipped, long elided) = log.After(28, 10);
        Assert.Equal([29, 30], events.Select(static e => (int)e.Span[0]));
        Assert.Equal((30L, 0L, 0L), (through, skipped, elided));
        (events, _, skipped, _) = log.After(0, 10);
        Assert.Equal((10, 20L), (events.Count, skipped));
        Assert.Equal(10, log.After(999, 10).Events.Count);
    }

    // What is left out for one watcher is counted once, and what was left out never becomes less.
    [Theory]
    [InlineData(0, 0)]
    [InlineData(40, 60 - 24)]
    public void What_came_too_fast_is_told_once_and_never_falls(long since, long atFirst)
    {
        var log = new LiveEventLog();
        for (int i = 1; i <= 100; i++) log.Add(["{}"u8.ToArray()], 1);
        using var messages = new LiveMessages(since, TimeProvider.System);
        LiveCluster cluster = Cluster(Picture(1), null, 1, 1, 1, 1);
        Assert.Equal(atFirst, Told());
        log.Add(["{}"u8.ToArray()], 0);
        Assert.Equal(0, Told());
        log.Add(["{}"u8.ToArray()], 5);
        Assert.Equal(atFirst + 5, Told());
        for (int i = 0; i < 50; i++) log.Add(["{}"u8.ToArray()], 0);
        Assert.Equal(atFirst + 5 + 26, Told());
        log.Add(["{}"u8.ToArray()], 1);
        Assert.Equal(atFirst + 5 + 26 + 1, Told());

        long Told() => Parse(messages.Next(cluster, log, [])).TryGetProperty("elided", out JsonElement elided) ? elided.GetInt64() : 0;
    }

    [Fact]
    public void The_leader_of_the_higher_term_leads()
    {
        var shards = new LiveShards(2);
        NodePicture old = Picture(1) with { Leads = [new LedShard(0, 4, 10, 0), new LedShard(1, 1, 5, 0), new LedShard(9, 1, 1, 0)] };
        NodePicture now = Picture(1) with { Leads = [new LedShard(0, 5, 12, 0)] };
        LiveCluster cluster = shards.Take(Cluster(old, now, 0, 0, 0, 0) with { Leaders = [] }, 1);
        Assert.Equal([2, 1], cluster.Leaders);
        Assert.Equal([5UL, 1], cluster.Terms);
    }

    [Fact]
    public async Task Nobody_is_asked_while_nobody_watches()
    {
        var node = new CountingNode();
        await using var loop = new LiveLoop(node, 4, TimeProvider.System);
        var feed = new LiveFeed(loop, node, new ClusterView(1, [], [], "c", 4, false), TimeProvider.System);
        Assert.Equal(0, node.Asked);
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        using (ILiveWatcher watcher = feed.Watch(null, 0))
        {
            Assert.Equal(1, Parse(await NextAsync(watcher, limit.Token)).GetProperty("hello").GetInt32());
            watcher.Ask("{\"shards\":[1,"u8);
            watcher.Ask("""{"shards":[1,-3,"x",70000000000],"hour":1}"""u8);
            watcher.Ask("[]"u8);
            Assert.Equal(2, Parse(await NextAsync(watcher, limit.Token)).GetProperty("nodes").GetArrayLength());
        }

        Assert.True(node.Asked > 0);
    }

    // Whatever there is to say: as much as there may be in each second, its frames included, and not much less.
    [Fact]
    public void No_second_has_more_than_its_bytes_and_no_more_than_twenty_messages()
    {
        var time = new ManualTime();
        var budget = new LiveBudget(time);
        var random = new Nori.Core.Prng(20);
        var sent = new List<(long At, int Bytes, bool Ends)>();
        for (int message = 0; message < 400; message++)
        {
            int left = random.NextInt(3) == 0 ? random.NextInt(40_000) + 1 : random.NextInt(300) + 1;
            for (bool begins = true; left > 0; begins = false)
            {
                int piece = Math.Min(left, LiveBudget.PieceBytesMax);
                while (budget.Wait(piece, begins) is { Ticks: > 0 } wait) time.Advance(wait);
                left -= piece;
                budget.Spend(piece, left == 0);
                sent.Add((time.GetTimestamp(), piece + LiveBudget.OverheadBytes, left == 0));
            }

            if (random.NextInt(20) == 0) time.Advance(TimeSpan.FromSeconds(random.NextInt(5)));
        }

        for (int i = 0; i < sent.Count; i++)
        {
            var second = sent.Skip(i).TakeWhile(s => s.At - sent[i].At < TimeSpan.TicksPerSecond).ToArray();
            Assert.InRange(second.Sum(static s => s.Bytes), 0, LiveBudget.BytesOfASecondMax);
            Assert.InRange(second.Count(static s => s.Ends), 0, 20);
        }

        double seconds = (sent[^1].At - sent[0].At) / (double)TimeSpan.TicksPerSecond;
        Assert.InRange(sent.Sum(static s => (double)s.Bytes) / seconds, LiveBudget.BytesPerSecond * 0.5, LiveBudget.BytesOfASecondMax);
    }

    [Fact]
    public async Task A_long_message_leaves_in_pieces_and_the_past_between_those_of_the_present()
    {
        var node = new CountingNode { Figures = [.. Enumerable.Range(0, 400).Select(static i => ($"figure.{i}", (long)i + 1))] };
        var log = new HourLog(8);
        for (int i = 1; i <= 4; i++)
            log.Add(i * 1000, [new("ops.put", i)], [new HourLeader(3, (ulong)(i / 3) + 1, 7)], """{"status":"healthy"}"""u8.ToArray());
        node.Hour = HourBytes.Encode(log, ["""{"seq":1,"t":"1970-01-01T00:00:02.500Z"}"""u8.ToArray()], 5);
        await using var loop = new LiveLoop(node, 4, TimeProvider.System);
        var feed = new LiveFeed(loop, node, new ClusterView(1, [], [], "c", 4, false), TimeProvider.System);
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        using ILiveWatcher watcher = feed.Watch(null, 0);
        await NextAsync(watcher, limit.Token);
        LivePiece first = await watcher.NextAsync(limit.Token);
        Assert.Equal((LiveBudget.PieceBytesMax, true, false), (first.Bytes.Length, first.IsText, first.IsEnd));
        byte[] head = first.Bytes.ToArray();
        Assert.Equal(2, Parse((byte[])[.. head, .. await NextAsync(watcher, limit.Token)]).GetProperty("nodes").GetArrayLength());

        watcher.Ask("""{"hour":true}"""u8);
        using var deflated = new MemoryStream();
        string past = "";
        while (!past.Contains("\"done\":true", StringComparison.Ordinal))
        {
            LivePiece piece = await watcher.NextAsync(limit.Token);
            if (piece.IsText) continue;
            deflated.Write(piece.Bytes.Span);
            using var inflate = new System.IO.Compression.DeflateStream(
                new MemoryStream(deflated.ToArray()), System.IO.Compression.CompressionMode.Decompress);
            past = await new StreamReader(inflate).ReadToEndAsync();
        }

        // Behind the past it is the present again, in JSON.
        Assert.True((await watcher.NextAsync(limit.Token)).IsText);
        JsonElement[] lines = [.. past.Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .Select(static l => JsonDocument.Parse(l).RootElement.GetProperty("hour"))];
        Assert.Equal((5, 1000), (
            lines[0].GetProperty("of")[0].GetProperty("dropped").GetInt32(), lines[0].GetProperty("oldest").GetInt32()));
        // The newest sample tells all, each older one how it differs from the newer.
        JsonElement[] samples = [.. lines[1].GetProperty("samples").EnumerateArray()];
        Assert.Equal([4000L, 3000, 2000, 1000], samples.Select(static s => s.GetProperty("t").GetInt64()));
        Assert.Equal(["[0,4]", "[0,-1]", "[0,-1]", "[0,-1]"], samples.Select(static s => s.GetProperty("f").GetRawText()));
        Assert.Equal("[3,2,7]", samples[0].GetProperty("l").GetRawText());
        Assert.False(samples[1].TryGetProperty("l", out _));
        Assert.Equal("[3,1,7]", samples[2].GetProperty("l").GetRawText());
        Assert.Equal("healthy", samples[0].GetProperty("x").GetProperty("status").GetString());
        Assert.Single(lines, static l => l.TryGetProperty("events", out JsonElement e) && e[0].GetProperty("seq").GetInt32() == 1);
    }

    [Fact]
    public async Task Who_watches_after_a_while_sees_nothing_of_what_was_then()
    {
        var node = new CountingNode();
        await using var loop = new LiveLoop(node, 4, TimeProvider.System);
        (int first, long after) = loop.Watch();
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        await loop.NewerAsync(after, limit.Token);
        loop.Leave(first);
        while (loop.IsLooking) await Task.Delay(20, limit.Token);
        long old = loop.Current.Version;
        (_, after) = loop.Watch();
        Assert.Equal(old, after);
        await loop.NewerAsync(after, limit.Token);
        Assert.True(loop.Current.Version > old);
    }

    private static RegisteredNode Node(ulong number, string name) => new(
        new NodeNumber(number), name, Guid.NewGuid(), $"{name}:1", "", RegisteredState.Active, 0);

    private static NodePicture Picture(ulong boot, params (string Name, long Value)[] figures) => new()
    {
        BootEpoch = boot,
        Facts = """{"status":"healthy"}"""u8.ToArray(),
        Figures = [.. figures.Select(static f => KeyValuePair.Create(f.Name, f.Value))],
    };

    private static LiveCluster Cluster(NodePicture? first, NodePicture? second, params byte[] leaders) => new()
    {
        Map = Map,
        UnixMs = 1000,
        Nodes =
        [
            new LiveNodeView(new NodeNumber(1), "n1", "n1:1", "", "active", first),
            new LiveNodeView(new NodeNumber(2), "n2", "n2:1", "", "active", second),
        ],
        Leaders = leaders,
        Terms = [.. leaders.Select(static _ => 7UL)],
        Heat = [],
        Sizes = [],
    };

    private static async Task<byte[]> NextAsync(ILiveWatcher watcher, CancellationToken cancellationToken)
    {
        using var message = new MemoryStream();
        for (bool isEnd = false; !isEnd;)
        {
            LivePiece piece = await watcher.NextAsync(cancellationToken);
            message.Write(piece.Bytes.Span);
            isEnd = piece.IsEnd;
        }

        return message.ToArray();
    }

    private static JsonElement Parse(ReadOnlyMemory<byte> json)
    {
        using JsonDocument document = JsonDocument.Parse(json.ToArray());
        return document.RootElement.Clone();
    }

    private sealed class ManualTime : TimeProvider
    {
        private long _now = 1;

        public override long GetTimestamp() => _now;

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public void Advance(TimeSpan by) => _now += by.Ticks;
    }

    private sealed class CountingNode : ILiveNode
    {
        private int _asked;

        public int Asked => Volatile.Read(ref _asked);

        public (string, long)[] Figures { get; init; } = [];

        public byte[]? Hour { get; set; }

        public NodeNumber Number => new(1);

        public ulong BootEpoch => 1;

        public ClusterTable Table { get; } = new(Map);

        public NodeHealth Health => new()
        {
            Status = HealthStatus.Healthy, Reasons = [], NodeId = "n1", Uptime = TimeSpan.Zero, TotalShards = 4, Shards = [],
        };

        public IEnumerable<KeyValuePair<ShardId, ReplicaStatus>> Standings => [];

        public long[] EstimateShardBytes() => [];

        public Func<ReadOnlyMemory<byte>, CancellationToken, ValueTask<ReadOnlyMemory<byte>>>? Answers { get; set; }

        public ValueTask<ReadOnlyMemory<byte>?> AskAsync(
            NodeNumber node, ReadOnlyMemory<byte> question, TimeSpan limit, CancellationToken cancellationToken)
        {
            Interlocked.Increment(ref _asked);
            bool isHour = PictureQuestion.TryDecode(question.Span, out PictureQuestion asked) && asked.Kind == PictureKind.Hour;
            if (isHour && node != Number) return ValueTask.FromResult<ReadOnlyMemory<byte>?>(null);
            return ValueTask.FromResult<ReadOnlyMemory<byte>?>(isHour ? Hour : PictureBytes.Encode(Picture(1, Figures)));
        }
    }
}
