namespace Nori.Raft.Core;

/// <summary>A read under the lease that has begun and must still be confirmed.</summary>
/// <param name="Term">The term of the lease.</param>
/// <param name="Index">The state must be applied at least to here before it is read.</param>
public readonly record struct LeaseRead(Term Term, LogIndex Index);
