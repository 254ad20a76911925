namespace Nori.IO;

/// <summary>An open file behind the rules of its file system.</summary>
internal sealed class FaultInjectingFile(FaultInjectingFileSystem rules, IFile inner) : IFile
{
    public string Path => inner.Path;

    public long Length => inner.Length;

    public int Read(long offset, Span<byte> buffer)
    {
        rules.Proceeds(FileOperation.Read, Path);
        int read = inner.Read(offset, buffer);
        rules.CountRead(read);
        return read;
    }

    public void Write(long offset, ReadOnlySpan<byte> data)
    {
        rules.CountWrite(data.Length);
        FaultRule? rule = rules.Decide(FileOperation.Write, Path, null, out StorageException? failure);
        if (rule is null) inner.Write(offset, data);
        if (failure is null) return;
        inner.Write(offset, data[..Math.Min(rule!.PartialBytes, data.Length)]);
        throw failure;
    }

    public void Write(long offset, IReadOnlyList<ReadOnlyMemory<byte>> buffers)
    {
        long length = 0;
        for (int i = 0; i < buffers.Count; i++) length += buffers[i].Length;
        rules.CountWrite(length);
        FaultRule? rule = rules.Decide(FileOperation.Write, Path, null, out StorageException? failure);
        if (rule is null) inner.Write(offset, buffers);
        if (failure is null) return;
        WritePart(offset, buffers, rule!.PartialBytes);
        throw failure;
    }

    public void SetLength(long length)
    {
        if (rules.Proceeds(FileOperation.SetLength, Path)) inner.SetLength(length);
    }

    public void Sync()
    {
        if (rules.Proceeds(FileOperation.Sync, Path)) inner.Sync();
    }

    public void Dispose() => inner.Dispose();

    private void WritePart(long offset, IReadOnlyList<ReadOnlyMemory<byte>> buffers, int bytes)
    {
        for (int i = 0; i < buffers.Count && bytes > 0; i++)
        {
            ReadOnlySpan<byte> part = buffers[i].Span[..Math.Min(bytes, buffers[i].Length)];
            inner.Write(offset, part);
            offset += part.Length;
            bytes -= part.Length;
        }
    }
}
