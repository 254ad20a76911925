namespace Nori.Lsm;

/// <summary>How far a scrub is: tables are checked in the order of their numbers. Keep it to resume after a restart.</summary>
/// <param name="TablesThrough">The last table that was checked whole; 0: none.</param>
public readonly record struct LsmScrubPosition(ulong TablesThrough);
