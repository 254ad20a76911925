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
    public async Task Whoever_disposes_it_second_waits_until_its_ports_are_closed()
    {
        TaskCompletionSource closing = new();
        SwimNode node = await new MemoryNet { Closing = closing.Task }.StartAsync("a");
        Task first = node.DisposeAsync().AsTask(), second = node.DisposeAsync().AsTask();
        Assert.False(second.IsCompleted);
        closing.SetResult();
        await second;
        await first;
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

    // Each step of a rotation reaches the members one by one, while a third of what they say is lost.
    [Fact]
    public async Task Keys_are_changed_under_loss_without_an_alarm()
    {
        MemoryNet net = new();
        byte[] old = "an old key of the tests"u8.ToArray(), fresh = "a new key of the tests"u8.ToArray();
        await using SwimNode a = await net.StartAsync("a", key: old), b = await net.StartAsync("b", key: old);
        await using SwimNode c = await net.StartAsync("c", key: old);
        SwimNode[] all = [a, b, c];
        Task<int> joins = Task.WhenAll(b.JoinAsync([a.Address]), c.JoinAsync([a.Address])).ContinueWith(static j => j.Result.Sum());
        net.StepUntil(() => joins.IsCompleted && Array.TrueForAll(all, n => n.AliveMembers.Count == 3), all);
        net.Loss = 0.3;
        foreach (byte[][] keys in (byte[][][])[[old, fresh], [fresh, old], [fresh]])
        {
            foreach (SwimNode node in all)
            {
                node.SetKeys([.. keys.Select(k => (ReadOnlyMemory<byte>)k)]);
                net.StepFor(TimeSpan.FromSeconds(5), all);
            }
        }

        net.StepFor(TimeSpan.FromSeconds(60), all);
        Assert.All(all, n => Assert.Equal(0, n.DroppedEnvelopes));
        Assert.All(all, n => Assert.Equal(0, n.Counts.FailedMembers));
        await using SwimNode late = await net.StartAsync("late", key: old);
        Task<int> join = late.JoinAsync([a.Address]);
        net.StepUntil(() => join.IsCompleted, a, b, c, late);
        Assert.Equal(0, await join);
        Assert.True(a.DroppedEnvelopes > 0);
    }

    [Fact]
    public async Task A_loop_that_ends_in_an_exception_tells_its_owner_and_keeps_nobody_waiting()
    {
        BrokenPort port = new();
        SwimNode node = await SwimNode.StartAsync(
            new SwimOptions { NodeId = "a", ClusterName = "x", Transport = port, Stream = port });
        SwimWatch watch = node.Watch();
        port.IsBroken = true;
        InvalidOperationException e = await Assert.ThrowsAsync<InvalidOperationException>(() => node.Completion);
        Assert.Equal("broken", e.Message);
        await foreach (SwimEvent _ in watch.ReadAllAsync()) Assert.Fail("nothing happened");
        Assert.True(node.IsStopped);
        Assert.Equal(0, await node.JoinAsync(["10.1.1.1:1"]));
        await node.LeaveAsync();
    }

    [Fact]
    public async Task Metadata_over_its_budget_is_refused_and_changes_nothing()
    {
        MemoryNet net = new();
        await using SwimNode a = await net.StartAsync("a");
        SwimMetadata many = new() { Values = Enumerable.Range(0, 33).ToDictionary(i => $"{i}", _ => string.Empty) };
        SwimMetadata large = new() { Zone = new string('z', 513) };
        Assert.Throws<ArgumentException>(() => a.UpdateMetadata(many));
        Assert.Throws<ArgumentException>(() => a.UpdateMetadata(large));
        net.StepFor(TimeSpan.FromSeconds(1), a);
        Assert.Equal(0ul, a.Self.Incarnation);
        SwimOptions options = new() { NodeId = "a", ClusterName = "x", Metadata = many };
        Assert.Contains(options.Validate(), p => p.Contains("32 values", StringComparison.Ordinal));
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

    // The clock of the test stands still, so only what ends the waiting can end it.
    [Fact]
    public async Task Leaving_twice_or_while_being_stopped_waits_for_nothing()
    {
        MemoryNet net = new();
        SwimNode a = await net.StartAsync("a"), b = await net.StartAsync("b");
        Task leave = a.LeaveAsync();
        await a.DisposeAsync();
        await leave.WaitAsync(TimeSpan.FromSeconds(60));

        Task first = b.LeaveAsync(), second = b.LeaveAsync();
        b.RunOnce();
        await Task.WhenAll(first, second).WaitAsync(TimeSpan.FromSeconds(60));
    }

    [Fact]
    public async Task Keys_are_taken_as_they_were_when_given_though_their_owner_wipes_them()
    {
        MemoryNet net = new();
        byte[] old = "an old key of the tests"u8.ToArray(), fresh = "a new key of the tests"u8.ToArray();
        await using SwimNode a = await net.StartAsync("a", key: old), b = await net.StartAsync("b", key: fresh);
        byte[] given = [.. fresh];
        a.SetKeys([given]);
        Array.Clear(given);
        Task<int> join = b.JoinAsync([a.Address]);
        net.StepUntil(() => join.IsCompleted, a, b);
        Assert.Equal(1, await join);
    }

    [Fact]
    public async Task A_name_too_long_to_be_one_resolves_to_nobody()
    {
        MemoryNet net = new();
        await using SwimNode a = await net.StartAsync("a");
        string name = new('x', 300);
        Assert.Equal(0, await a.JoinAsync([name + ":7"]));
        SwimOptions options = new() { NodeId = "b", ClusterName = "x", AdvertiseAddress = name + ":7" };
        ArgumentException e = await Assert.ThrowsAsync<ArgumentException>(() => SwimNode.StartAsync(options));
        Assert.Contains("does not resolve", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_join_ends_though_its_stream_never_does()
    {
        BrokenPort port = new() { IsMute = true };
        await using SwimNode node = await SwimNode.StartAsync(new SwimOptions
        {
            NodeId = "a", ClusterName = "x", Transport = port, Stream = port, StreamTimeout = TimeSpan.FromMilliseconds(20),
        });
        Assert.Equal(0, await node.JoinAsync(["10.0.0.2:1"]).WaitAsync(TimeSpan.FromSeconds(60)));
    }

    [Fact]
    public async Task Settings_that_cannot_be_are_all_named()
    {
        SwimOptions options = new()
        {
            NodeId = "a b",
            ClusterName = "x",
            Keys = [new byte[3]],
            EventsMax = 0,
            StreamTimeout = TimeSpan.MaxValue,
            LeaveTimeout = TimeSpan.MaxValue,
            ClockTolerance = TimeSpan.FromTicks(-1),
        };
        ArgumentException e = await Assert.ThrowsAsync<ArgumentException>(() => SwimNode.StartAsync(options));
        Assert.Contains("NodeId", e.Message, StringComparison.Ordinal);
        Assert.Contains("Keys", e.Message, StringComparison.Ordinal);
        Assert.Contains("EventsMax", e.Message, StringComparison.Ordinal);
        Assert.Contains("StreamTimeout", e.Message, StringComparison.Ordinal);
        Assert.Contains("LeaveTimeout", e.Message, StringComparison.Ordinal);
        Assert.Contains("ClockTolerance", e.Message, StringComparison.Ordinal);
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

    private sealed class BrokenPort : ISwimTransport, ISwimStream
    {
        public bool IsBroken { get; set; }

        /// <summary>Exchanges never end, whatever is cancelled.</summary>
        public bool IsMute { get; init; }

        public string LocalAddress => "10.0.0.1:1";

        public void Send(string address, ReadOnlySpan<byte> datagram)
        {
        }

        public bool TryReceive(Span<byte> buffer, out int length, out string source)
        {
            (length, source) = (0, string.Empty);
            return IsBroken ? throw new InvalidOperationException("broken") : false;
        }

        public void Wait(TimeSpan max) => Thread.Yield();

        public void Wake()
        {
        }

        public void Start(Func<ReadOnlyMemory<byte>, CancellationToken, ValueTask<ReadOnlyMemory<byte>?>> answer)
        {
        }

        public ValueTask<byte[]?> ExchangeAsync(
            string address, ReadOnlyMemory<byte> request, CancellationToken cancellation) =>
            new(IsMute ? new TaskCompletionSource<byte[]?>().Task : Task.FromResult<byte[]?>(null));

        public void Dispose()
        {
        }

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }
}
