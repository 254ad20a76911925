namespace Nori.IO;

/// <summary>
/// A copy of bytes; all-zero ones are kept as their count only, so that zero-filled log segments cost nothing.
/// </summary>
internal readonly struct StoredBytes
{
    private readonly byte[]? _data;

    public StoredBytes(ReadOnlySpan<byte> bytes)
    {
        Length = bytes.Length;
        if (bytes.ContainsAnyExcept((byte)0)) _data = bytes.ToArray();
    }

    public int Length { get; }

    /// <summary>Writes [start, start + count) of the bytes into the pages at the offset.</summary>
    public void WriteTo(PageTable pages, long offset, int start, int count)
    {
        if (_data is null) pages.Zero(offset, count);
        else pages.Write(offset, _data.AsSpan(start, count));
    }
}
