using NoriKV.Types;

namespace NoriKV.Node.Peers;

/// <summary>A call as the node that serves it sees it.</summary>
/// <param name="From">Who asks.</param>
/// <param name="Method">What for.</param>
/// <param name="Body">With what; the handler may keep it.</param>
/// <param name="Deadline">Timestamp behind which nobody waits any more; <see cref="long.MaxValue"/> for none.</param>
/// <param name="CancellationToken">The asker gave up, or is another process by now.</param>
internal readonly record struct PeerRequest(
    NodeNumber From, PeerMethod Method, ReadOnlyMemory<byte> Body, long Deadline, CancellationToken CancellationToken);
