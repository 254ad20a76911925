namespace Nori.Raft.Core;

/// <summary>A run of entries of one term; it ends where the next span begins.</summary>
/// <param name="Term">The term of every entry in the run.</param>
/// <param name="First">The first entry of the run.</param>
public readonly record struct TermSpan(Term Term, LogIndex First);
