using NoriKV.Types;

namespace NoriKV.Node.Tracing;

/// <summary>How one entry fared at a peer. Timestamps; 0 for what had not happened.</summary>
/// <param name="Node">Which.</param>
/// <param name="SentAt">The frame with the entry was handed to the transport.</param>
/// <param name="AckedAt">The worker heard that it is durable there; 0: not yet.</param>
internal readonly record struct PeerTimes(NodeNumber Node, long SentAt, long AckedAt);
