using NoriKV.Types;

namespace NoriKV.Node.Ports;

/// <summary>
/// Carries frames between nodes. Sending never waits and promises nothing: a frame may be lost, delayed, repeated or
/// overtaken, and the protocols above stand that. Frames of one channel between two nodes keep their order while a
/// connection lives.
/// </summary>
/// <remarks>Thread-safe.</remarks>
public interface ITransport
{
    /// <summary>Sends a frame; false when it was dropped at once (no connection, queue full).</summary>
    /// <param name="target">To whom.</param>
    /// <param name="channel">On which stream.</param>
    /// <param name="frame">Its bytes; the sender does not touch them again.</param>
    bool TrySend(NodeNumber target, PeerChannel channel, ReadOnlyMemory<byte> frame);

    /// <summary>
    /// Where frames from peers arrive, on any thread; set once, before the first. The bytes are the receiver's: the
    /// transport never uses their memory again.
    /// </summary>
    Action<NodeNumber, PeerChannel, ReadOnlyMemory<byte>>? Received { get; set; }
}
