using System.Collections.Concurrent;
using System.Diagnostics;
using Nori.Core;

namespace Nori.Swim.Tests;

/// <summary>A network in memory: what is not lost arrives at once.</summary>
internal sealed class MemoryNet
{
    private readonly ConcurrentDictionary<string, Port> _ports = new();
    private readonly SteppedTime _time = new();
    private readonly Prng _prng = new(77);
    private int _next;
    private int _exchanging;

    /// <summary>Chance that a datagram is lost. Only where one thread steps all nodes.</summary>
    public double Loss { get; set; }

    /// <summary>What closing a stream waits for.</summary>
    public Task Closing { get; set; } = Task.CompletedTask;

    public Task<SwimNode> StartAsync(string id, int eventsMax = 1024, byte[]? key = null)
    {
        Port port = new(this, $"10.0.0.{++_next}:1");
        _ports[port.LocalAddress] = port;
        return SwimNode.StartAsync(new SwimOptions
        {
            NodeId = id,
            ClusterName = "memory",
            Keys = key is null ? [] : [key],
            EventsMax = eventsMax,
            Transport = port,
            Stream = port,
            RunLoop = false,
            Seed = (ulong)_next,
            Time = _time,
        });
    }

    /// <summary>Steps the nodes in virtual time, 10 ms a round, until the condition holds.</summary>
    public void StepUntil(Func<bool> holds, params SwimNode[] nodes)
    {
        // Joins and exchanges go on in the thread pool, which virtual time outruns: it gets its turns while there are some, and real
        // time before this fails. A turn in every round would cost minutes on a busy machine.
        long began = Stopwatch.GetTimestamp();
        for (int round = 0; round < 20_000 || Stopwatch.GetElapsedTime(began) < TimeSpan.FromSeconds(60); round++)
        {
            foreach (SwimNode node in nodes)
            {
                if (!node.IsStopped) node.RunOnce();
            }

            if (holds()) return;
            _time.Advance(TimeSpan.FromMilliseconds(10));
            if (round % 50 == 0) Thread.Sleep(1);
            for (int i = 0; i < 20 && Volatile.Read(ref _exchanging) > 0; i++) Thread.Yield();
        }

        Assert.Fail("it did not come about in 200 virtual seconds");
    }

    /// <summary>Steps the nodes for a while of virtual time.</summary>
    public void StepFor(TimeSpan time, params SwimNode[] nodes)
    {
        long end = _time.GetTimestamp() + time.Ticks;
        StepUntil(() => _time.GetTimestamp() >= end, nodes);
    }

    public byte[]? Last(string address) => _ports[address].LastReceived;

    public void Inject(string address, byte[] datagram) => _ports[address].Arrived.Enqueue((datagram, "10.9.9.9:1"));

    private sealed class Port(MemoryNet net, string address) : ISwimTransport, ISwimStream
    {
        private Func<ReadOnlyMemory<byte>, CancellationToken, ValueTask<ReadOnlyMemory<byte>?>>? _answer;

        public ConcurrentQueue<(byte[] Bytes, string Source)> Arrived { get; } = new();

        public byte[]? LastReceived { get; private set; }

        public string LocalAddress => address;

        public void Send(string to, ReadOnlySpan<byte> datagram)
        {
            if (net.Loss > 0 && net._prng.Chance(net.Loss)) return;
            if (net._ports.TryGetValue(to, out Port? port)) port.Arrived.Enqueue((datagram.ToArray(), address));
        }

        public bool TryReceive(Span<byte> buffer, out int length, out string source)
        {
            (length, source) = (0, string.Empty);
            if (!Arrived.TryDequeue(out (byte[] Bytes, string Source) next)) return false;
            next.Bytes.CopyTo(buffer);
            (LastReceived, length, source) = (next.Bytes, next.Bytes.Length, next.Source);
            return true;
        }

        public void Start(Func<ReadOnlyMemory<byte>, CancellationToken, ValueTask<ReadOnlyMemory<byte>?>> answer) =>
            _answer = answer;

        public async ValueTask<byte[]?> ExchangeAsync(
            string to, ReadOnlyMemory<byte> request, CancellationToken cancellation)
        {
            if (!net._ports.TryGetValue(to, out Port? port) || port._answer is null) return null;
            Interlocked.Increment(ref net._exchanging);
            try
            {
                return (await port._answer(request, cancellation))?.ToArray();
            }
            finally
            {
                Interlocked.Decrement(ref net._exchanging);
            }
        }

        public void Wait(TimeSpan max)
        {
        }

        public void Wake()
        {
        }

        public void Dispose()
        {
        }

        public ValueTask DisposeAsync() => new(net.Closing);
    }

    private sealed class SteppedTime : TimeProvider
    {
        private long _ticks;

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override long GetTimestamp() => Interlocked.Read(ref _ticks);

        public override DateTimeOffset GetUtcNow() => new(2026, 11, 22, 0, 0, 0, TimeSpan.Zero);

        public void Advance(TimeSpan by) => Interlocked.Add(ref _ticks, by.Ticks);
    }
}
