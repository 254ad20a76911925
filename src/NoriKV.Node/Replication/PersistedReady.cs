using Raft = Nori.Raft.Core;

namespace NoriKV.Node.Replication;

/// <summary>A Ready on its way through the log.</summary>
/// <param name="Group">Whose.</param>
/// <param name="Number">Its number.</param>
/// <param name="First">The first entry it writes.</param>
/// <param name="Last">The last one; below the first when it writes none.</param>
/// <param name="Messages">What may leave once it is durable.</param>
internal readonly record struct PersistedReady(
    RaftGroup Group, ulong Number, ulong First, ulong Last, IReadOnlyList<Raft.RaftMessage> Messages);
