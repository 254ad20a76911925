namespace Nori.IO;

/// <summary>Bytes on disk are not what was written: names the file, the place and what was expected there.</summary>
/// <param name="file">The damaged file.</param>
/// <param name="offset">Where the damaged unit (record, block, footer) begins, in bytes.</param>
/// <param name="expected">What should be there, in words or as a checksum.</param>
/// <param name="actual">What is there.</param>
public sealed class CorruptionException(string file, long offset, string expected, string actual)
    : IOException($"corruption in {file} at offset {offset}: expected {expected}, found {actual}")
{
    /// <summary>The damaged file.</summary>
    public string File { get; } = file;

    /// <summary>Where the damaged unit begins, in bytes.</summary>
    public long Offset { get; } = offset;

    /// <summary>What should be there.</summary>
    public string Expected { get; } = expected;

    /// <summary>What is there.</summary>
    public string Actual { get; } = actual;
}
