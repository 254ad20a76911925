namespace Nori.Lsm;

/// <summary>Where a table's keys lie.</summary>
/// <param name="Smallest">Its least key.</param>
/// <param name="Largest">Its greatest key, or a range delete's end.</param>
/// <param name="Bytes">Its bytes.</param>
public readonly record struct LsmTableSpan(ReadOnlyMemory<byte> Smallest, ReadOnlyMemory<byte> Largest, long Bytes);
