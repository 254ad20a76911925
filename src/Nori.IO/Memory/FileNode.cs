using Nori.Core;

namespace Nori.IO;

/// <summary>
/// A file's content: what readers see, and the chain of changes since the last sync. Guarded by its file
/// system's lock.
/// </summary>
internal sealed class FileNode : Node
{
    private PageTable _pages = new();
    private UnsyncedChange? _unsynced;

    public long Length { get; private set; }

    public int Read(long offset, Span<byte> buffer)
    {
        int count = (int)Math.Clamp(Length - offset, 0, buffer.Length);
        _pages.Read(offset, buffer[..count]);
        return count;
    }

    public void Write(long offset, ReadOnlySpan<byte> data)
    {
        if (data.IsEmpty) return;
        long before = Length;
        long after = Math.Max(before, offset + data.Length);
        _unsynced = new UnsyncedChange(
            _unsynced, offset, new StoredBytes(data), CopyExisting(offset, data.Length), before, after, null);
        _pages.Write(offset, data);
        Length = after;
    }

    public void SetLength(long length)
    {
        if (length == Length) return;
        PageTable? cut = length < Length ? _pages.Snapshot() : null;
        _unsynced = new UnsyncedChange(_unsynced, 0, default, default, Length, length, cut);
        Resize(length);
    }

    public void Sync() => _unsynced = null;

    /// <summary>
    /// Flips bits where the caller says, as a decaying medium would: not a write, so no crash takes it back.
    /// </summary>
    public void Corrupt(long offset, byte mask)
    {
        Invariant.Assert(offset < Length);
        Span<byte> one = stackalloc byte[1];
        _pages.Read(offset, one);
        one[0] ^= mask;
        _pages.Write(offset, one);
    }

    public override FileNode Clone() => new() { _pages = _pages.Snapshot(), _unsynced = _unsynced, Length = Length };

    /// <summary>Turns this clone into what a power loss leaves of the file.</summary>
    public void Crash(Prng random, CrashMode mode)
    {
        List<UnsyncedChange> changes = [];
        for (UnsyncedChange? change = _unsynced; change is not null; change = change.Previous)
        {
            TakeBack(change);
            changes.Add(change);
        }

        changes.Reverse();
        _unsynced = null;
        if (mode != CrashMode.DropUnsynced) CrashWrites.Replay(this, changes, random, mode);
    }

    /// <summary>Writes a part of an unsynced write, as the crash decided.</summary>
    internal void Restore(UnsyncedChange change, int start, int count)
    {
        change.Written.WriteTo(_pages, change.Offset + start, start, count);
        Length = Math.Max(Length, change.Offset + start + count);
    }

    /// <summary>Bytes nobody wrote, where the crash left some.</summary>
    internal void RestoreGarbage(long offset, ReadOnlySpan<byte> garbage)
    {
        _pages.Write(offset, garbage);
        Length = Math.Max(Length, offset + garbage.Length);
    }

    internal void Resize(long length)
    {
        if (length < Length) _pages.Zero(length, Length - length);
        Length = length;
    }

    private void TakeBack(UnsyncedChange change)
    {
        if (change.CutPages is not null)
        {
            _pages = change.CutPages.Snapshot();
            Length = change.LengthBefore;
            return;
        }

        Invariant.Assert(Length == change.LengthAfter);
        StoredBytes old = change.Overwritten;
        if (old.Length > 0) old.WriteTo(_pages, change.Offset, 0, old.Length);
        Resize(change.LengthBefore);
    }

    private StoredBytes CopyExisting(long offset, int count)
    {
        int existing = (int)Math.Clamp(Length - offset, 0, count);
        if (existing == 0) return default;
        byte[] rented = System.Buffers.ArrayPool<byte>.Shared.Rent(existing);
        Span<byte> bytes = rented.AsSpan(0, existing);
        _pages.Read(offset, bytes);
        StoredBytes copy = new(bytes);
        System.Buffers.ArrayPool<byte>.Shared.Return(rented);
        return copy;
    }
}
