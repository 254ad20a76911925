namespace Nori.Raft.Core;

/// <summary>Something that happened.</summary>
/// <param name="Kind">What.</param>
/// <param name="Term">In which term.</param>
/// <param name="Replica">Whom it is about, if anybody.</param>
/// <param name="Index">Where in the log, if anywhere.</param>
public readonly record struct RaftEvent(RaftEventKind Kind, Term Term, ReplicaId Replica, LogIndex Index);
