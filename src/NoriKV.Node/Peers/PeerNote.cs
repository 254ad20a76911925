using NoriKV.Types;

namespace NoriKV.Node.Peers;

/// <summary>Something about a peer that its groups should know.</summary>
internal readonly record struct PeerNote(PeerNoteKind Kind, NodeNumber Node);
