namespace Nori.Lsm;

/// <summary>Deletes what is older than its sequence number in [Start, End).</summary>
internal readonly record struct RangeTombstone(byte[] Start, byte[] End, ulong Sequence);
