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
        (IReadOnlyList<ReadOnlyMemory<byte>> events, long through, long elided) = log.After(28, 10);
        Assert.Equal([29, 30], events.Select(static e => (int)e.Span[0]));
        Assert.Equal((30L, 0L), (through, elided));
        (events, _, elided) = log.After(0, 10);
        Assert.Equal((10, 20L), (events.Count, elided));
        Assert.Equal(10, log.After(999, 10).Events.Count);
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
            Assert.Equal(1, Parse(await watcher.NextAsync(limit.Token)).GetProperty("hello").GetInt32());
            watcher.Ask("{\"shards\":[1,"u8);
            watcher.Ask("""{"shards":[1,-3,"x",70000000000],"hour":1}"""u8);
            watcher.Ask("[]"u8);
            Assert.Equal(2, Parse(await watcher.NextAsync(limit.Token)).GetProperty("nodes").GetArrayLength());
        }

        Assert.True(node.Asked > 0);
    }

    [Fact]
    public void A_budget_is_spent_and_comes_back()
    {
        var time = new ManualTime();
        var budget = new LiveBudget(time);
        Assert.Equal(TimeSpan.Zero, budget.Wait());
        budget.Spend(LiveBudget.BytesAtOnce + LiveBudget.BytesPerSecond);
        Assert.False(budget.HasRoom);
        Assert.InRange(budget.Wait().TotalSeconds, 0.99, 1.01);
        time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(TimeSpan.Zero, budget.Wait());
        budget.Spend(1);
        Assert.True(budget.Wait() > TimeSpan.Zero, "no more than twenty a second");
        time.Advance(TimeSpan.FromSeconds(1));
        Assert.True(budget.HasRoom);
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
            return ValueTask.FromResult<ReadOnlyMemory<byte>?>(PictureBytes.Encode(Picture(1)));
        }
    }
}
