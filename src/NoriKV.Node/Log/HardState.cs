using NoriKV.Types;

namespace NoriKV.Node.Log;

/// <summary>What a replica must remember to keep its promises.</summary>
/// <param name="Term">The latest term it has seen.</param>
/// <param name="Vote">For whom it voted in that term; 0 nobody.</param>
/// <param name="Commit">Up to where it knows entries to be committed.</param>
public readonly record struct HardState(Term Term, ReplicaId Vote, LogIndex Commit);
