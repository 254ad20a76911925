namespace Nori.Raft.Core.Tests.Harness;

/// <summary>An entry with its bytes: a number that names the proposal; 0 for the core's own.</summary>
internal sealed record SimEntry(LogIndex Index, Term Term, ulong Payload, Configuration? Configuration);
