using NoriKV.Types;

namespace NoriKV.Node.Peers;

/// <summary>
/// What lies durably between this node and one peer. Each of the two numbers its own past for the other: a mark, higher each time, that
/// the other keeps. A directory that forgot some of its past is known by it: it offers marks below the one that is kept.
/// </summary>
/// <param name="Node">The peer.</param>
/// <param name="Held">The peer's last mark, kept for it; 0 none.</param>
/// <param name="Confirmed">This node's last mark that the peer is known to keep; 0 none.</param>
/// <param name="Offered">This node's last mark that the peer may keep: at least <paramref name="Confirmed"/>.</param>
internal readonly record struct PeerMark(NodeNumber Node, ulong Held, ulong Confirmed, ulong Offered);
