using Nori.Raft.Core;

namespace Nori.Raft;

/// <summary>The place before the first entry of a log.</summary>
/// <param name="Index">The place; 0 for a new group.</param>
/// <param name="Term">The term of the entry that stood there.</param>
/// <param name="Configuration">The configuration in effect there, with the place of its entry.</param>
/// <param name="IsReset">
/// True: a snapshot takes the place of the whole log, no entry stays. False: entries behind the place stay.
/// </param>
public sealed record RaftLogBase(LogIndex Index, Term Term, ConfigurationEntry Configuration, bool IsReset);
