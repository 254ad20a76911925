using Nori.Core;
using Nori.Raft.Core;

namespace Nori.Raft;

/// <summary>The newest snapshot, in memory; it outlives the node that uses it.</summary>
/// <remarks>Thread-safe.</remarks>
public sealed class MemorySnapshotStore : ISnapshotStore
{
    // Guards what follows.
    private readonly Lock _gate = new();
    private readonly Dictionary<(SnapshotOrigin, LogIndex, Term, uint), byte[]> _partial = [];
    private (StoredSnapshot Snapshot, byte[] Bytes)? _latest;

    /// <inheritdoc/>
    public StoredSnapshot? Latest
    {
        get
        {
            lock (_gate) return _latest?.Snapshot;
        }
    }

    /// <inheritdoc/>
    public int Read(StoredSnapshot snapshot, long offset, Span<byte> buffer)
    {
        lock (_gate)
        {
            if (_latest is not { } latest || latest.Snapshot != snapshot) return -1;
            int count = (int)Math.Min(buffer.Length, Math.Max(0, latest.Bytes.Length - offset));
            latest.Bytes.AsSpan((int)offset, count).CopyTo(buffer);
            return count;
        }
    }

    /// <inheritdoc/>
    public ISnapshotStaging Stage(SnapshotMeta meta, SnapshotOrigin origin, uint id)
    {
        ArgumentNullException.ThrowIfNull(meta);
        lock (_gate)
        {
            _partial.Remove((origin, meta.Index, meta.Term, id), out byte[]? left);
            return new Staging(this, meta, origin, id, left ?? []);
        }
    }

    private sealed class Staging : ISnapshotStaging
    {
        private readonly MemorySnapshotStore _store;
        private readonly SnapshotMeta _meta;
        private readonly (SnapshotOrigin, LogIndex, Term, uint) _key;
        private readonly MemoryStream _bytes = new();

        public Staging(MemorySnapshotStore store, SnapshotMeta meta, SnapshotOrigin origin, uint id, byte[] left)
        {
            (_store, _meta, _key) = (store, meta, (origin, meta.Index, meta.Term, id));
            _bytes.Write(left);
        }

        public long Length => _bytes.Length;

        public void Append(ReadOnlySpan<byte> bytes) => _bytes.Write(bytes);

        public uint ComputeChecksum() => Crc32C.Compute(_bytes.GetBuffer().AsSpan(0, (int)_bytes.Length));

        public void Clear() => _bytes.SetLength(0);

        public StoredSnapshot Commit(uint checksum)
        {
            StoredSnapshot snapshot = new(_meta, _bytes.Length, checksum);
            lock (_store._gate)
            {
                if (_store._latest is { } latest && latest.Snapshot.Meta.Index >= _meta.Index) return latest.Snapshot;
                _store._latest = (snapshot, _bytes.ToArray());
            }

            Clear();
            return snapshot;
        }

        public void Dispose()
        {
            lock (_store._gate)
                if (_bytes.Length > 0 && _store._partial.Count < 4) _store._partial[_key] = _bytes.ToArray();
        }
    }
}
