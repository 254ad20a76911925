using NoriKV.Types;

namespace NoriKV.Node.Ports;

/// <summary>
/// Carries batches of peer messages. Sending never waits and promises nothing: a batch may be lost, delayed, repeated or
/// overtaken, and the protocols above stand that.
/// </summary>
public interface ITransport
{
    /// <summary>Sends a batch; false when it was dropped at once (no connection, queue full).</summary>
    bool TrySend(NodeNumber target, ReadOnlyMemory<byte> batch);

    /// <summary>Where batches from peers arrive; set once, before the first.</summary>
    Action<NodeNumber, ReadOnlyMemory<byte>>? Received { get; set; }
}
