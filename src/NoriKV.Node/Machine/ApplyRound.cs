using NoriKV.Node.Ports;

namespace NoriKV.Node.Machine;

/// <summary>
/// One round of applying: entries of many shards become one atomic batch of the engine, with the state record of every
/// shard that they touch in that same batch. What the round wrote is seen by its later entries.
/// </summary>
/// <remarks>One worker owns it.</remarks>
internal sealed class ApplyRound(IStorage storage)
{
    private readonly IStorageBatch _batch = storage.NewBatch();
    private readonly RoundOverlay _overlay = new();
    private readonly List<ShardState> _touched = [];
    private readonly Dictionary<uint, ShardState> _touchedSlots = [];
    private readonly HashSet<uint> _recorded = [];
    private readonly HashSet<uint> _given = [];
    private byte[] _record = new byte[256];

    /// <summary>The log's watermark that covers every entry of the round.</summary>
    public ulong Watermark { get; set; }

    /// <summary>Bytes written so far.</summary>
    public int Bytes => _overlay.Bytes;

    /// <summary>The shards the round touched, in the order of touching.</summary>
    public IReadOnlyList<ShardState> Touched => _touched;

    /// <summary>
    /// Reads a key as the round sees it at a stamp: expired entries are gone. The value is valid until the next write.
    /// </summary>
    public bool TryGet(ReadOnlySpan<byte> key, long stamp, out ReadOnlySpan<byte> value)
    {
        if (_overlay.TryGet(key, out value, out long expiry, out bool deleted))
        {
            return !deleted && !StoredValue.IsExpired(expiry, stamp);
        }

        if (storage.TryGet(key, out StoredEntry entry) && !StoredValue.IsExpired(entry.ExpiryUnixMs, stamp))
        {
            value = entry.Value.Span;
            return true;
        }

        value = default;
        return false;
    }

    public void Put(ReadOnlySpan<byte> key, ReadOnlySpan<byte> head, ReadOnlySpan<byte> tail, long expiryUnixMs) =>
        _overlay.Put(key, head, tail, expiryUnixMs);

    public void Delete(ReadOnlySpan<byte> key) => _overlay.Delete(key);

    /// <summary>The shard's state record belongs into the batch.</summary>
    public void Touch(ShardState state)
    {
        if (_touchedSlots.TryAdd(state.Slot, state)) _touched.Add(state);
    }

    /// <summary>Nothing of a slot is written: what the round did there is given up, from its first entry on.</summary>
    public void GiveUp(ShardState state)
    {
        _given.Add(state.Slot);
        _touched.Remove(state);
    }

    /// <summary>Fills the batch. After it, <see cref="Write"/> may be tried until it succeeds.</summary>
    public void Seal()
    {
        _batch.Clear();
        uint last = 0;
        for (int i = 0; i < _overlay.Count; i++)
        {
            _overlay.Read(i, out ReadOnlySpan<byte> key, out ReadOnlySpan<byte> value, out long expiry, out bool deleted);
            uint slot = EngineKey.SlotOf(key);
            if (_given.Count > 0 && _given.Contains(slot)) continue;
            // Beside the shard's other keys: the engine finds the place of a key fast that is near the one before.
            if (slot != last && _touchedSlots.TryGetValue(slot, out ShardState? state)) Record(state);
            last = slot;
            if (deleted) _batch.Delete(key);
            else _batch.Put(key, value, expiry);
        }

        foreach (ShardState state in _touched) Record(state);
        _batch.Watermark = Watermark;
    }

    private void Record(ShardState state)
    {
        if (!_recorded.Add(state.Slot)) return;
        int most = state.EncodedBytesMax;
        if (_record.Length < most) _record = new byte[most * 2];
        _batch.Put(state.RecordKey, _record.AsSpan(0, state.Encode(_record)));
    }

    /// <summary>Gives the batch to the engine; a full disk throws and leaves it as it was.</summary>
    public void Write() => storage.Write(_batch);

    /// <summary>Begins the next round.</summary>
    public void Clear()
    {
        _overlay.Clear();
        _touched.Clear();
        _touchedSlots.Clear();
        _recorded.Clear();
        _given.Clear();
        Watermark = 0;
    }
}
