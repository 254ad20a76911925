namespace Nori.IO;

/// <summary>How <see cref="IFileSystem.Open"/> opens a file.</summary>
public enum FileOpen
{
    /// <summary>An existing file, for reading.</summary>
    Read,

    /// <summary>An existing file, for reading and writing.</summary>
    ReadWrite,

    /// <summary>A new file, for reading and writing; an existing one is an error.</summary>
    CreateNew,

    /// <summary>A file for reading and writing, created empty when missing.</summary>
    OpenOrCreate,
}
