namespace NoriKV.Transport.Http;

/// <summary>How reading a body ended, and the memory to give back.</summary>
internal readonly record struct BodyResult(BodyOutcome Outcome, ReadOnlyMemory<byte> Bytes, int Reserved);
