namespace Nori.Raft.Core;

/// <summary>What a replica must not forget (Raft figure 2, "persistent state").</summary>
/// <param name="Term">The latest term seen.</param>
/// <param name="Vote">Who got this replica's vote in that term; none.</param>
/// <param name="Commit">
/// The commit index. It may be stored lazily: an older one only costs applying again what was applied before.
/// </param>
public readonly record struct HardState(Term Term, ReplicaId Vote, LogIndex Commit);
