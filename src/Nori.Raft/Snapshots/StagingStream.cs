using Nori.Core;

namespace Nori.Raft;

/// <summary>What a state machine writes, on its way into the store.</summary>
internal sealed class StagingStream(ISnapshotStaging staging) : Stream
{
    public uint Checksum { get; private set; }

    public override bool CanRead => false;

    public override bool CanSeek => false;

    public override bool CanWrite => true;

    public override long Length => staging.Length;

    public override long Position
    {
        get => staging.Length;
        set => throw new NotSupportedException();
    }

    public override void Write(ReadOnlySpan<byte> buffer)
    {
        staging.Append(buffer);
        Checksum = Crc32C.Append(Checksum, buffer);
    }

    public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

    public override void Flush()
    {
    }

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();
}
