using Nori.Core;
using Nori.Swim.Core;

namespace Nori.Swim.Tests;

/// <summary>The driver, stepped by hand without a thread or a socket.</summary>
public sealed class NodeTests
{
    [Fact]
    public async Task A_slow_watcher_loses_the_oldest_and_holds_nobody_up()
    {
        MemoryNet net = new();
        await using SwimNode a = await net.StartAsync("a", eventsMax: 3);
        using SwimWatch slow = a.Watch();
        for (int i = 0; i < 6; i++)
        {
            await using SwimNode other = await net.StartAsync("b" + i);
            Task<int> join = other.JoinAsync([a.Address]);
            net.StepUntil(() => join.IsCompleted && a.IsAlive(other.Self.Id.Value), a, other);
            Assert.Equal(1, await join);
        }

        Assert.True(slow.Dropped >= 3);
        int left = 0;
        while (slow.TryRead(out _)) left++;
        Assert.Equal(3, left);
    }

    [Fact]
    public async Task Metadata_travels_and_its_change_is_an_event()
    {
        MemoryNet net = new();
        await using SwimNode a = await net.StartAsync("a"), b = await net.StartAsync("b");
        Task<int> join = b.JoinAsync([a.Address]);
        net.StepUntil(() => join.IsCompleted && a.IsAlive("b"), a, b);
        using SwimWatch watch = a.Watch();
        b.UpdateMetadata(new SwimMetadata
        {
            Zone = "z1",
            Software = "1.2",
            Load = 80,
            Values = new Dictionary<string, string> { ["rpc"] = "10.0.0.2:7447" },
        });
        SwimEvent e = default;
        net.StepUntil(() => watch.TryRead(out e), a, b);
        Assert.Equal(SwimEventKind.Updated, e.Kind);
        SwimMetadata? seen = SwimMetadata.TryDecode(e.Member.Metadata.Span);
        Assert.Equal(("z1", "1.2", (byte)80, "10.0.0.2:7447"), (seen!.Zone, seen.Software, seen.Load, seen.Values["rpc"]));
    }

    [Fact]
    public async Task Replayed_and_malformed_datagrams_are_counted_and_dropped()
    {
        MemoryNet net = new();
        byte[] key = "0123456789abcdef"u8.ToArray();
        await using SwimNode a = await net.StartAsync("a", key: key), b = await net.StartAsync("b", key: key);
        Task<int> join = b.JoinAsync([a.Address]);
        net.StepUntil(() => join.IsCompleted && a.IsAlive("b") && net.Last(a.Address) is not null, a, b);
        byte[] recorded = net.Last(a.Address)!;
        long before = a.DroppedEnvelopes;
        net.Inject(a.Address, recorded);
        net.Inject(a.Address, "hello"u8.ToArray());
        net.StepUntil(() => a.DroppedEnvelopes >= before + 2, a, b);
        Assert.True(a.IsAlive("b"));
    }

    [Fact]
    public async Task A_node_that_is_stopped_ends_its_joins_and_watches()
    {
        MemoryNet net = new();
        SwimNode a = await net.StartAsync("a");
        SwimWatch watch = a.Watch();
        Task<int> join = a.JoinAsync(["10.1.1.1:1"]);
        await a.DisposeAsync();
        Assert.Equal(0, await join);
        await foreach (SwimEvent _ in watch.ReadAllAsync()) Assert.Fail("nothing happened");
        Assert.Equal(0, await a.JoinAsync(["10.1.1.1:1"]));
    }

    [Fact]
    public async Task Settings_that_cannot_be_are_all_named()
    {
        SwimOptions options = new() { NodeId = "a b", ClusterName = "x", Keys = [new byte[3]], EventsMax = 0 };
        ArgumentException e = await Assert.ThrowsAsync<ArgumentException>(() => SwimNode.StartAsync(options));
        Assert.Contains("NodeId", e.Message, StringComparison.Ordinal);
        Assert.Contains("Keys", e.Message, StringComparison.Ordinal);
        Assert.Contains("EventsMax", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Metadata_of_strangers_is_read_or_refused()
    {
        const ulong seed = 3;
        Prng prng = new(seed);
        byte[] good = new SwimMetadata { Zone = "z", Values = new Dictionary<string, string> { ["a"] = "b" } }.Encode();
        Assert.Equal("b", SwimMetadata.TryDecode(good)!.Values["a"]);
        for (int i = 0; i < 20_000; i++)
        {
            byte[] bytes = [.. good.AsSpan(0, 1 + prng.NextInt(good.Length))];
            for (int m = prng.NextInt(4); m > 0; m--) bytes[prng.NextInt(bytes.Length)] = (byte)prng.NextUInt32();
            SwimMetadata.TryDecode(bytes);
        }
    }
}
