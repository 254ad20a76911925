using Nori.Observe;
using NoriKV.Node.Ports;
using NoriKV.Types;

namespace NoriKV.Node.Peers;

/// <summary>Puts what the node says of itself on every frame, and sends it.</summary>
/// <remarks>Thread-safe.</remarks>
internal sealed class PeerSender(
    ITransport transport, NodeNumber self, Guid cluster, ulong bootEpoch, Func<long> applyLag, TimeProvider time, IMeter meter)
{
    private readonly Counter _frames = meter.Counter("peer_frames_total", "Frames of Raft messages given to the transport.");
    private readonly Counter _dropped = meter.Counter("peer_frames_dropped_total", "Frames that the transport refused.");
    private volatile bool _isWell = true;

    /// <summary>The cluster, as frames name it.</summary>
    public ulong Cluster { get; } = PeerBatch.HashOf(cluster);

    /// <summary>Whether this node says that it is well: its disk answers, and its clock agrees with others.</summary>
    public bool IsWell
    {
        get => _isWell;
        set => _isWell = value;
    }

    /// <summary>Sends encoded messages; none of them: what the node says of itself alone.</summary>
    public void Send(NodeNumber target, uint count, ReadOnlySpan<byte> messages)
    {
        long clock = time.GetUtcNow().ToUnixTimeMilliseconds();
        var batch = new PeerBatch(self, target, bootEpoch, _isWell, (ulong)Math.Max(0, applyLag()), clock, count);
        _frames.Add();
        if (!transport.TrySend(target, PeerChannel.Raft, batch.Encode(Cluster, messages))) _dropped.Add();
    }

    /// <summary>Sends how far this node and a peer remember each other.</summary>
    public void SendVouch(in VouchFrame frame)
    {
        _frames.Add();
        if (!transport.TrySend(frame.To, PeerChannel.Raft, frame.Encode(Cluster))) _dropped.Add();
    }

    /// <summary>Sends a question of a round of reads, or the answer to one.</summary>
    public void SendReadRound(NodeNumber target, ulong round, int groups, bool isAnswer, Action<Span<byte>> write)
    {
        var head = new ReadRoundFrame(self, target, round, groups, isAnswer);
        byte[] frame = head.NewFrame();
        write(ReadRoundFrame.BodyOf(frame));
        head.Seal(frame, Cluster);
        _frames.Add();
        if (!transport.TrySend(target, PeerChannel.Raft, frame)) _dropped.Add();
    }
}
