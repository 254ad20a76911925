using Nori.Observe;
using NoriKV.Node.Peers;
using NoriKV.Node.Ports;
using NoriKV.Node.Replication;
using NoriKV.Node.Tests.Replication;
using NoriKV.Types;

namespace NoriKV.Node.Tests.Peers;

/// <summary>Two ends of calls over a network in memory, without nodes.</summary>
internal sealed class CallPair
{
    public const ulong Cluster = 77;

    public static readonly NodeNumber One = new(1);
    public static readonly NodeNumber Two = new(2);

    public CallPair(PeerCallOptions? options = null)
    {
        Options = options ?? new PeerCallOptions();
        First = Open(One, 1);
        Second = Open(Two, 1);
    }

    public PeerCallOptions Options { get; }

    public ManualTime Time { get; } = new();

    public MemoryNetwork Network { get; } = new();

    public PendingWatch Watch { get; } = new();

    public CompletionQueue Completions { get; } = new();

    public PeerCalls First { get; private set; }

    public PeerCalls Second { get; private set; }

    /// <summary>Another process of the second node.</summary>
    public void RestartSecond(ulong epoch) => Second = Open(Two, epoch);

    public void RestartFirst(ulong epoch) => First = Open(One, epoch);

    public PeerCalls Open(NodeNumber node, ulong epoch)
    {
        ITransport transport = Network.Open(node);
        var calls = new PeerCalls(
            node, Cluster, epoch, transport, Watch, Completions, Time, Options, NullMeter.Instance)
        {
            Crashed = static e => throw new InvalidOperationException("a handler threw", e),
        };
        transport.Received = (from, channel, frame) => calls.Receive(from, channel, frame);
        return calls;
    }

    public Task<PeerReply> Ask(byte[] body, long ms = 1000, CancellationToken cancellation = default) =>
        First.CallAsync(Two, PeerChannel.Forward, PeerMethod.Read, body, Time.GetTimestamp() + Ticks(ms), cancellation).AsTask();

    public void Settle()
    {
        while (First.RunOnce() | Second.RunOnce() | Network.Deliver() | Completions.Drain())
        {
        }
    }

    public void Pass(long ms)
    {
        Time.AdvanceMs(ms);
        Watch.Expire(Time.GetTimestamp());
        Settle();
    }

    private static long Ticks(long ms) => ms * TimeSpan.TicksPerMillisecond;
}
