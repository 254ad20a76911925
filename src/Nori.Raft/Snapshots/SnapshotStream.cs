using Nori.Core;

namespace Nori.Raft;

/// <summary>A stored snapshot as a stream that only goes forward, its bytes summed up on the way.</summary>
internal sealed class SnapshotStream(ISnapshotStore store, StoredSnapshot snapshot) : Stream
{
    private long _position;
    private uint _checksum;

    /// <summary>True when a newer snapshot took its place meanwhile.</summary>
    public bool IsReplaced { get; private set; }

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => false;

    public override long Length => snapshot.Bytes;

    public override long Position
    {
        get => _position;
        set => throw new NotSupportedException();
    }

    /// <summary>Gives the newest snapshot to the state machine, and says which.</summary>
    /// <exception cref="InvalidDataException">Its bytes are not those that were stored.</exception>
    public static StoredSnapshot Restore(IStateMachine machine, ISnapshotStore store)
    {
        while (true)
        {
            StoredSnapshot? latest = store.Latest;
            Invariant.Assert(latest is not null);
            using SnapshotStream stream = new(store, latest);
            try
            {
                machine.Restore(stream, latest.Meta);
                stream.ReadToEnd();
            }
            catch (EndOfStreamException) when (stream.IsReplaced)
            {
                // A newer one was installed while this one was read: it is taken from the beginning.
            }

            if (!stream.IsReplaced) return latest;
        }
    }

    public override int Read(Span<byte> buffer)
    {
        if (_position == snapshot.Bytes || buffer.IsEmpty) return 0;
        int read = store.Read(snapshot, _position, buffer);
        if (read < 0)
        {
            IsReplaced = true;
            throw new EndOfStreamException("a newer snapshot took the place of this one");
        }

        if (read == 0) throw new InvalidDataException($"{snapshot.Meta} ends at byte {_position} of {snapshot.Bytes}");
        _checksum = Crc32C.Append(_checksum, buffer[..read]);
        _position += read;
        if (_position == snapshot.Bytes && _checksum != snapshot.Checksum)
            throw new InvalidDataException($"{snapshot.Meta} has checksum {_checksum:x8}, not {snapshot.Checksum:x8}");
        return read;
    }

    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    public override void Flush()
    {
    }

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    // The machine may not have read all; the checksum covers all.
    private void ReadToEnd()
    {
        byte[] rest = new byte[4096];
        while (!IsReplaced && Read(rest) > 0)
        {
        }
    }
}
