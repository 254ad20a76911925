namespace Nori.IO;

/// <summary>
/// A write or a change of length that no sync has covered yet: what it did and how to take it back. A chain from the
/// newest to the oldest, never changed, so that clones share it.
/// </summary>
/// <param name="Previous">The change before it; null for the first after the last sync.</param>
/// <param name="Offset">Where it wrote.</param>
/// <param name="Written">The bytes it wrote; null data for a change of length.</param>
/// <param name="Overwritten">The bytes of the file, as far as it reached, that were there before.</param>
/// <param name="LengthBefore">The file's length before.</param>
/// <param name="LengthAfter">The file's length after.</param>
/// <param name="CutPages">Before a shortening, the whole file; else null.</param>
internal sealed record UnsyncedChange(
    UnsyncedChange? Previous,
    long Offset,
    StoredBytes Written,
    StoredBytes Overwritten,
    long LengthBefore,
    long LengthAfter,
    PageTable? CutPages)
{
    public bool IsWrite => Written.Length > 0;
}
