namespace Nori.IO;

/// <summary>An open file with positional reads and writes.</summary>
/// <remarks>
/// Reads may run concurrently with each other and with writes elsewhere in the file. Failures throw
/// <see cref="StorageException"/>. Written bytes are durable after <see cref="Sync"/>, never before.
/// </remarks>
public interface IFile : IDisposable
{
    /// <summary>The path it was opened by.</summary>
    string Path { get; }

    /// <summary>The file's length in bytes.</summary>
    long Length { get; }

    /// <summary>
    /// Reads into the buffer from the offset; returns the bytes read, fewer than asked only at the end of the
    /// file.
    /// </summary>
    int Read(long offset, Span<byte> buffer);

    /// <summary>Writes all bytes at the offset, extending the file as needed.</summary>
    void Write(long offset, ReadOnlySpan<byte> data);

    /// <summary>
    /// Writes the buffers one behind the other at the offset (one system call where the platform has it).
    /// </summary>
    void Write(long offset, IReadOnlyList<ReadOnlyMemory<byte>> buffers);

    /// <summary>Cuts or extends (with zeros) the file.</summary>
    void SetLength(long length);

    /// <summary>
    /// Makes data and what is needed to read it durable (fdatasync). A failure says nothing about what reached
    /// the disk: it is never retried and the store stops acknowledging.
    /// </summary>
    void Sync();
}
