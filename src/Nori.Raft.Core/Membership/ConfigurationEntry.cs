namespace Nori.Raft.Core;

/// <summary>A configuration and the place in the log where it took effect.</summary>
/// <param name="Index">The entry; 0 or a snapshot's configuration index for one that is not in the
/// log.</param>
/// <param name="Configuration">Who takes part from there on.</param>
public readonly record struct ConfigurationEntry(LogIndex Index, Configuration Configuration);
