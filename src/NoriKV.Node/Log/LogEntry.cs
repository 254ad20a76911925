using NoriKV.Types;

namespace NoriKV.Node.Log;

/// <summary>An entry read from the log.</summary>
/// <param name="Index">Its place.</param>
/// <param name="Term">Its term.</param>
/// <param name="Envelope">What was appended; the reader's own copy.</param>
/// <param name="Watermark">A watermark that covers it, for engines that replay it.</param>
public readonly record struct LogEntry(LogIndex Index, Term Term, ReadOnlyMemory<byte> Envelope, ulong Watermark);
