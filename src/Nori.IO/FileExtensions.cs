namespace Nori.IO;

/// <summary>What many users of <see cref="IFile"/> need, made from its members.</summary>
public static class FileExtensions
{
    private static readonly byte[] Zeros = new byte[256 * 1024];

    /// <summary>
    /// Writes zeros to [<paramref name="from"/>, <paramref name="to"/>), in pieces of 256 KiB. A log segment
    /// filled so and synced once is later overwritten without touching metadata, which is what makes fdatasync
    /// cheap.
    /// </summary>
    public static void ZeroFill(this IFile file, long from, long to)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(from);
        while (from < to)
        {
            int count = (int)Math.Min(Zeros.Length, to - from);
            file.Write(from, Zeros.AsSpan(0, count));
            from += count;
        }
    }

    /// <summary>Reads exactly the buffer's length from the offset; false when the file ends before.</summary>
    public static bool TryReadExactly(this IFile file, long offset, Span<byte> buffer) =>
        file.Read(offset, buffer) == buffer.Length;
}
