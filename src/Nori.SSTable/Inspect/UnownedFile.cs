using Nori.IO;

namespace Nori.SSTable;

/// <summary>A file that somebody else closes.</summary>
internal sealed class UnownedFile(IFile file) : IFile
{
    public string Path => file.Path;

    public long Length => file.Length;

    public int Read(long offset, Span<byte> buffer) => file.Read(offset, buffer);

    public void Write(long offset, ReadOnlySpan<byte> data) => file.Write(offset, data);

    public void Write(long offset, IReadOnlyList<ReadOnlyMemory<byte>> buffers) =>
        file.Write(offset, buffers);

    public void SetLength(long length) => file.SetLength(length);

    public void Sync() => file.Sync();

    public void Dispose()
    {
    }
}
