using Nori.Observe;
using Nori.Swim.Core;

namespace Nori.Swim.Tests;

/// <summary>Real sockets on the loopback; waits are generous because a busy machine is no failure.</summary>
public sealed class LoopbackTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Three_members_join_and_one_leaves_and_one_dies(bool withKey)
    {
        byte[][] keys = withKey ? ["0123456789abcdef"u8.ToArray()] : [];
        RecordingEventSink events = new();
        await using SwimNode a = await SwimNode.StartAsync(Options("a", keys) with { Events = events });
        await using SwimNode b = await SwimNode.StartAsync(Options("b", keys));
        await using SwimNode c = await SwimNode.StartAsync(Options("c", keys));
        using SwimWatch watch = a.Watch();

        Assert.Equal(1, await b.JoinAsync([a.Address]));
        Assert.True(await c.JoinAsync(["localhost:" + a.Address.Split(':')[1]]) >= 1);
        await Until(watch, SwimEventKind.Joined, "b", "c");
        // On a busy machine one may be held dead for a moment, and is back.
        using (CancellationTokenSource patience = new(Patience))
            while (!a.IsAlive("b") || !a.IsAlive("c")) await Task.Delay(5, patience.Token);
        Assert.False(a.IsAlive("d"));
        Assert.Equal(["a", "b", "c"], a.Members.Select(m => m.Id.Value));

        await c.LeaveAsync();
        await Until(watch, SwimEventKind.Left, "c");
        await b.DisposeAsync();
        await Until(watch, SwimEventKind.Failed, "b");
        Assert.Equal(["a"], a.AliveMembers.Select(m => m.Id.Value));
        Assert.Contains(events.OfType<MemberLeft>(), e => e.Member == "c");
        Assert.Contains(events.OfType<MemberConfirmed>(), e => e.Member == "b");
        Assert.Equal(2, events.OfType<MemberAlive>().Select(e => e.Member).Distinct().Count());
    }

    [Fact]
    public async Task A_member_comes_back_after_a_restart_under_a_higher_incarnation()
    {
        await using SwimNode a = await SwimNode.StartAsync(Options("a", []));
        using SwimWatch watch = a.Watch();
        SwimNode b = await SwimNode.StartAsync(Options("b", []));
        await b.JoinAsync([a.Address]);
        await Until(watch, SwimEventKind.Joined, "b");
        await b.DisposeAsync();
        await Until(watch, SwimEventKind.Failed, "b");

        await using SwimNode again = await SwimNode.StartAsync(Options("b", []));
        await again.JoinAsync([a.Address]);
        await Until(watch, SwimEventKind.Joined, "b");
        Assert.True(a.IsAlive("b"));
        Assert.True(a.Members.Single(m => m.Id.Value == "b").Incarnation > 0);
        Assert.Equal(0, a.Counts.Flaps);
    }

    [Fact]
    public async Task A_stranger_with_another_key_or_cluster_does_not_get_in()
    {
        byte[] key = "0123456789abcdef"u8.ToArray(), other = "fedcba9876543210"u8.ToArray();
        await using SwimNode a = await SwimNode.StartAsync(Options("a", [key]));
        await using SwimNode wrongKey = await SwimNode.StartAsync(Options("b", [other]));
        await using SwimNode noKey = await SwimNode.StartAsync(Options("c", []));
        await using SwimNode foreign = await SwimNode.StartAsync(Options("d", [key]) with { ClusterName = "other" });
        foreach (SwimNode node in new[] { wrongKey, noKey, foreign }) Assert.Equal(0, await node.JoinAsync([a.Address]));
        Assert.Single(a.Members);
        Assert.Equal(2, a.DroppedEnvelopes);
        Assert.Equal(1, a.Counts.Dropped(Core.Wire.MessageDrop.ForeignCluster));
    }

    private static SwimOptions Options(string id, byte[][] keys) => new()
    {
        NodeId = id,
        ClusterName = "test",
        Keys = [.. keys.Select(k => (ReadOnlyMemory<byte>)k)],
        ProbeInterval = TimeSpan.FromMilliseconds(200),
        ProbeTimeout = TimeSpan.FromMilliseconds(100),
        SuspicionMin = TimeSpan.FromMilliseconds(500),
        GossipInterval = TimeSpan.FromMilliseconds(40),
    };

    private static async Task Until(SwimWatch watch, SwimEventKind kind, params string[] ids)
    {
        HashSet<string> missing = [.. ids];
        using CancellationTokenSource patience = new(Patience);
        await foreach (SwimEvent e in watch.ReadAllAsync(patience.Token))
        {
            if (e.Kind == kind) missing.Remove(e.Member.Id.Value);
            if (missing.Count == 0) return;
        }
    }
}
