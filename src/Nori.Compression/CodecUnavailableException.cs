namespace Nori.Compression;

/// <summary>A codec needs a system library that cannot be loaded.</summary>
/// <param name="type">The codec.</param>
/// <param name="library">The library, as the system's loader knows it.</param>
/// <param name="package">The Debian and Ubuntu package that holds it.</param>
public sealed class CodecUnavailableException(CompressionType type, string library, string package)
    : Exception(
    $"{type} compression needs the system library {library}, which cannot be loaded; "
    + $"install it (Debian and Ubuntu: apt-get install {package}) or choose another compression")
{
    /// <summary>The codec that is not available.</summary>
    public CompressionType Type { get; } = type;

    /// <summary>The missing library.</summary>
    public string Library { get; } = library;

    /// <summary>The Debian and Ubuntu package that holds it.</summary>
    public string Package { get; } = package;
}
