using Nori.Raft.Core;

namespace Nori.Raft;

/// <summary>How a replica stands, at one moment.</summary>
/// <param name="Role">What it is.</param>
/// <param name="Term">The latest term it knows.</param>
/// <param name="Leader">Who leads, as far as it knows; none.</param>
/// <param name="Commit">Everything up to here is committed, as far as it knows.</param>
/// <param name="Durable">Its log is durable up to here.</param>
/// <param name="Last">The last entry of its log.</param>
/// <param name="Base">The last place before its log.</param>
/// <param name="Configuration">Who takes part.</param>
/// <param name="IsDamaged">True while its log lacks what it once held: it neither votes nor leads.</param>
/// <param name="IsLogStalled">True while its log does not get on with its writes: it does not lead.</param>
public sealed record RaftNodeStatus(
    RaftRole Role,
    Term Term,
    ReplicaId Leader,
    LogIndex Commit,
    LogIndex Durable,
    LogIndex Last,
    LogIndex Base,
    Configuration Configuration,
    bool IsDamaged,
    bool IsLogStalled);
