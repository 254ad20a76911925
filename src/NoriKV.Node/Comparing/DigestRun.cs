using Nori.Core;
using NoriKV.Node.Machine;
using NoriKV.Node.Ports;
using NoriKV.Types;

namespace NoriKV.Node.Comparing;

/// <summary>
/// Hashes what a replica holds in one view of the engine, in steps. Left out is what differs between replicas that hold the same:
/// slots, replica ids, what the log was cut at, and what has expired by the shard's time (protocol.md §5).
/// </summary>
/// <remarks>One owner; disposes the view.</remarks>
internal sealed class DigestRun : IDisposable
{
    // About so many pairs in a piece; a power of two.
    private const ulong PieceMask = 1023;

    private readonly IStorageView _view;
    private readonly IStorageIterator _iterator;
    private readonly uint _slot;
    private readonly ShardState _state;
    private readonly List<(ulong Hash, ReadOnlyMemory<byte> LastKey)> _pieces = [];
    private byte[] _lastKey = [];
    private ulong _piece;
    private ulong _hash;
    private long _pairs;
    private bool _isOpen;

    private DigestRun(IStorageView view, IStorageIterator iterator, uint slot, ShardState state)
    {
        (_view, _iterator, _slot, _state) = (view, iterator, slot, state);
        _iterator.Seek(EngineKey.Create(slot, EngineKeyKind.Session));
        Mix(ref _hash, state.Applied.Value);
        Mix(ref _hash, state.AppliedTerm.Value);
        Mix(ref _hash, (ulong)state.ShardTime);
        Mix(ref _hash, state.ConfigurationIndex.Value);
    }

    /// <summary>Begins over a view, which it owns; null where the view has no such replica at that index.</summary>
    /// <exception cref="Nori.IO.CorruptionException">The record cannot be read.</exception>
    public static DigestRun? Begin(IStorageView view, uint slot, LogIndex index, long retentionMs)
    {
        bool isThere = view.TryGet(EngineKey.Create(slot, EngineKeyKind.State), out StoredEntry record);
        ShardState? state = isThere ? ShardState.TryDecode(record.Value.Span, slot, retentionMs) : null;
        return state is null || state.Applied != index
            ? null
            : new DigestRun(view, view.NewIterator(reverse: false), slot, state);
    }

    /// <summary>Reads about so many bytes; the digest at the end, null before.</summary>
    /// <exception cref="Nori.IO.CorruptionException">A block cannot be read.</exception>
    public ReplicaDigest? RunOnce(long bytes, out long read)
    {
        read = 0;
        while (read < bytes)
        {
            if (!_iterator.MoveNext() || EngineKey.SlotOf(_iterator.Key) != _slot) return End();
            ReadOnlySpan<byte> key = _iterator.Key[sizeof(uint)..];
            ReadOnlySpan<byte> value = _iterator.Value;
            read += key.Length + value.Length;
            if (!StoredValue.IsExpired(_iterator.ExpiryUnixMs, _state.ShardTime)) Add(key, value, _iterator.ExpiryUnixMs);
        }

        return null;
    }

    public void Dispose()
    {
        _iterator.Dispose();
        _view.Dispose();
    }

    private void Add(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value, long expiry)
    {
        ulong keyHash = XxHash64.Hash(key);
        Mix(ref _piece, keyHash);
        Mix(ref _piece, XxHash64.Hash(value));
        Mix(ref _piece, (ulong)expiry);
        _pairs++;
        _isOpen = true;
        if (_lastKey.Length != key.Length) _lastKey = new byte[key.Length];
        key.CopyTo(_lastKey);
        if ((keyHash & PieceMask) == 0 && _pieces.Count < ReplicaDigest.PiecesMax - 1) EndPiece();
    }

    private ReplicaDigest End()
    {
        if (_isOpen) EndPiece();
        return new ReplicaDigest(_state.Applied, _hash, _pairs, _pieces);
    }

    private void EndPiece()
    {
        _pieces.Add((_piece, _lastKey.ToArray()));
        Mix(ref _hash, _piece);
        (_piece, _isOpen) = (0, false);
    }

    private static void Mix(ref ulong hash, ulong value)
    {
        Span<byte> bytes = stackalloc byte[sizeof(ulong)];
        System.Buffers.Binary.BinaryPrimitives.WriteUInt64LittleEndian(bytes, value);
        hash = XxHash64.Hash(bytes, hash);
    }
}
