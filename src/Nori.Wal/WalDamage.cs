namespace Nori.Wal;

/// <summary>A damaged stretch of the log, below what was known durable.</summary>
/// <param name="File">The damaged file.</param>
/// <param name="Start">Where the first damaged batch begins.</param>
/// <param name="End">Where the next whole batch begins; the end of the segment when there is none.</param>
/// <param name="Expected">What should be there.</param>
/// <param name="Actual">What is there.</param>
public sealed record WalDamage(string File, WalPosition Start, WalPosition End, string Expected, string Actual);
