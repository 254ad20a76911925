using System.Text;
using System.Text.Json.Nodes;
using Nori.Observe;
using NoriKV.Server.Live;

namespace NoriKV.Dashboard.Tests;

/// <summary>Whoever watches an incident keeps what it is read from: elections and ends are left out last.</summary>
public sealed class LiveEventTests
{
    private const int Elections = 345;

    [Fact]
    public void A_node_tells_all_elections_of_a_burst_whatever_else_happens_look_by_look()
    {
        var ring = new EventRing(4096);
        ring.Emit(new Happened("Lsm", "WritePressure", 0));
        List<string> told = [];
        long after = 1;
        uint left = 0;
        for (int i = 1; i <= Elections; i++)
        {
            ring.Emit(new Happened("Raft", "LeaderElected", i));
            for (int k = 0; k < 3; k++) ring.Emit(new Happened("Lsm", "WritePressure", i));
        }

        int looks = 0;
        while (after < ring.Emitted)
        {
            (List<ReadOnlyMemory<byte>> events, long through, uint elided) =
                LiveEvents.Newest(ring, (ulong)after, LiveEvents.IsNews, "n1", 64, LiveEvents.Most);
            Assert.InRange(events.Count, 1, LiveEvents.Most);
            Assert.InRange(through, after + 1, ring.Emitted);
            told.AddRange(events.Select(static e => Encoding.UTF8.GetString(e.Span)));
            (after, left) = (through, left + elided);
            Assert.InRange(++looks, 1, (Elections / LiveEvents.Most) + 2);
        }

        Assert.Equal(Enumerable.Range(1, Elections), told.Where(IsElection).Select(NumberOf));
        Assert.Equal(Elections * 4, told.Count + left);

        // Who never asked before gets the newest, and no more than fit.
        (List<ReadOnlyMemory<byte>> newest, long all, _) = LiveEvents.Newest(ring, 0, LiveEvents.IsNews, "n1", 64, LiveEvents.Most);
        Assert.Equal((LiveEvents.Most, ring.Emitted), (newest.Count, all));
        Assert.Equal(Elections, NumberOf(Encoding.UTF8.GetString(newest.Last(static e => LiveEvents.IsKept(e.Span)).Span)));
    }

    [Fact]
    public void A_watcher_is_told_all_elections_of_a_burst_and_how_many_others_it_was_not()
    {
        var log = new LiveEventLog();
        log.Add([Event("Lsm", "WritePressure", 0)], 0);
        for (int i = 1; i <= Elections; i++) log.Add([
            Event("Raft", i % 2 == 0 ? "LeaderElected" : "StepDown", i),
            Event("Lsm", "WritePressure", i)], 0);
        List<string> told = [];
        long left = 0;
        for (long after = 1; after < log.Added;)
        {
            (IReadOnlyList<ReadOnlyMemory<byte>> events, long through, long skipped, _) = log.After(after, 24);
            Assert.InRange(events.Count, 1, 24);
            told.AddRange(events.Select(static e => Encoding.UTF8.GetString(e.Span)));
            (after, left) = (through, left + skipped);
        }

        Assert.Equal(Enumerable.Range(1, Elections), told.Where(static e => e.Contains("Raft", StringComparison.Ordinal)).Select(NumberOf));
        Assert.Equal(Elections * 2, told.Count + left);
        Assert.Equal(24, log.After(0, 24, isNew: true).Events.Count);
    }

    [Theory]
    [InlineData("""{"seq":1,"node":"n1","family":"Raft","kind":"LeaderElected","shard":3}""", true)]
    [InlineData("""{"seq":1,"nest":{"kind":"LeaderElected"},"kind":"WritePressure"}""", false)]
    [InlineData("""{"kind":7}""", false)]
    [InlineData("""{"kind":"Fin""", false)]
    [InlineData("""["kind","Finish"]""", false)]
    [InlineData("", false)]
    public void What_another_node_sent_is_looked_at_and_not_trusted(string json, bool isKept) =>
        Assert.Equal(isKept, LiveEvents.IsKept(Encoding.UTF8.GetBytes(json)));

    [Fact]
    public void A_kind_that_is_no_text_is_none_of_those() =>
        Assert.False(LiveEvents.IsKept([.. "{\"kind\":\""u8, 0xff, 0xfe, .. "\"}"u8]));

    [Fact]
    public void Events_of_the_meta_group_say_so_live_and_in_the_hour()
    {
        var ring = new EventRing(16);
        foreach (uint shard in (uint[])[63, 64]) ring.Emit(new NoriKV.Node.LeaderElected(new(shard), new(1), "n1"));
        (IReadOnlyList<ReadOnlyMemory<byte>> live, _, _) = LiveEvents.Newest(ring, 0, LiveEvents.IsNews, "n1", 64, LiveEvents.Most);
        (IReadOnlyList<ReadOnlyMemory<byte>> hour, _) = new HourEvents(ring, "n1", 64, TimeProvider.System).Take();
        foreach (IReadOnlyList<ReadOnlyMemory<byte>> told in (IReadOnlyList<ReadOnlyMemory<byte>>[])[live, hour])
            Assert.Equal([null, "meta"], told.Select(static e => JsonNode.Parse(e.Span)!["group"]?.GetValue<string>()));
    }

    private static bool IsElection(string json) => json.Contains("LeaderElected", StringComparison.Ordinal);

    private static int NumberOf(string json) => JsonNode.Parse(json)!["n"]!.GetValue<int>();

    private static ReadOnlyMemory<byte> Event(string family, string kind, int n) =>
        Encoding.UTF8.GetBytes($$"""{"seq":{{n}},"family":"{{family}}","kind":"{{kind}}","n":{{n}}}""");

    private readonly record struct Happened(string Family, string Kind, int N) : IEvent
    {
        public void WriteFields(IEventFields fields) => fields.Add("n", N);
    }
}
