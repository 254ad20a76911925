namespace Nori.Compression;

/// <summary>How a block is compressed. The numbers are part of stored formats and never change.</summary>
public enum CompressionType : byte
{
    /// <summary>Stored as it is.</summary>
    None = 0,

    /// <summary>Snappy's raw block format (managed code, always available).</summary>
    Snappy = 1,

    /// <summary>LZ4's raw block format (needs liblz4).</summary>
    Lz4 = 2,

    /// <summary>One Zstandard frame (needs libzstd).</summary>
    Zstd = 3,
}
