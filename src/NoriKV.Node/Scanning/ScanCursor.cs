using NoriKV.Node.Machine;
using NoriKV.Node.Ports;
using NoriKV.Node.Replication;
using NoriKV.Node.Requests;
using NoriKV.Types;

namespace NoriKV.Node.Scanning;

/// <summary>
/// A scan over shards, merged in key order by one engine iterator that visits each shard's range: first
/// ⌈limit / shards⌉ + 1 pairs of each, more on demand. Keys are read ahead, large values only when it is their turn, so
/// memory is bounded by shards × read-ahead bytes.
/// </summary>
/// <remarks>One thread at a time. Holds a view of the engine: dispose it.</remarks>
internal sealed class ScanCursor : IDisposable
{
    private const int QuotaMax = 128;
    private const int ReadAheadBytesMax = 16 * 1024;
    private const int InlineValueBytesMax = 1024;
    private const int InlineFirstBytesMax = 64;
    private const int PairsBetweenChecks = 1024;

    private readonly IStorage _storage;
    private readonly ReplicaTable _replicas;
    private readonly ScanOptions _scan;
    private readonly RequestContext _context;
    private readonly NodeOptions _options;
    private readonly List<ScanPart> _parts = [];
    private readonly PriorityQueue<ScanPart, byte[]> _heap;
    private readonly int _firstQuota;
    private IStorageView _view;
    private IStorageIterator _iterator;
    private long _viewTakenAt;
    private bool _started;
    private bool _exhausted;
    private readonly long _countBefore;
    private long _given;
    private byte[]? _lastKey;
    private ShardId? _gone;
    private byte[] _seekKey = new byte[128];

    public ScanCursor(
        IStorage storage, ReplicaTable replicas, IReadOnlyList<ShardId> shards, IReadOnlyList<ReadBarrier> barriers,
        ScanOptions scan, PageToken? token, int pagePairs, RequestContext context, NodeOptions options)
    {
        _storage = storage;
        _replicas = replicas;
        _scan = scan;
        _context = context;
        _options = options;
        _heap = new PriorityQueue<ScanPart, byte[]>(scan.Reverse ? KeyOrder.Descending : KeyOrder.Ascending);
        _countBefore = token?.Count ?? 0;
        _lastKey = token?.LastKey;
        KeyRange range = KeyRange.Of(scan, token?.LastKey);
        long wanted = Math.Min(Remaining, pagePairs);
        int quota = (int)Math.Min(QuotaMax, ((wanted + shards.Count - 1) / shards.Count) + 1);
        _firstQuota = shards.Count > 1 ? quota : 0;
        if (!range.IsEmpty)
        {
            for (int i = 0; i < shards.Count; i++) _parts.Add(new ScanPart(shards[i], barriers[i].Replica, range, quota));
        }

        (_view, _iterator) = Open();
    }

    /// <summary>Pairs given by the whole scan so far, those before the token included.</summary>
    public long Count => _countBefore + _given;

    /// <summary>True when this call gives no more: nothing follows, or its limit is reached.</summary>
    public bool IsDone => _exhausted || Remaining == 0;

    /// <summary>Pairs given by this call.</summary>
    public long Given => _given;

    /// <summary>Nothing follows.</summary>
    public bool IsExhausted => _exhausted;

    /// <summary>Through where it was read; null where nothing was.</summary>
    public byte[]? LastKey => _lastKey;

    private long Remaining => _scan.Limit > 0 ? _scan.Limit - _given : long.MaxValue;

    /// <summary>The token to go on behind what was given; empty when nothing follows.</summary>
    public byte[] Token => _exhausted || _lastKey is null ? [] : PageToken.Encode(_lastKey, Count, _scan);

    /// <summary>The next pairs, fewer than asked only at the end; an error when the deadline came.</summary>
    public KvResult<IReadOnlyList<KvPair>> Next(int pairsMax, int bytesMax)
    {
        RefreshView();
        if (_scan.CountOnly && _scan.Limit == 0) return CountAll();
        if (!_started)
        {
            _started = true;
            foreach (ScanPart part in _parts)
            {
                if (Refill(part) is { } late) return late;
            }
        }

        // What is only counted takes no room: one page has it all.
        int room = _scan.CountOnly ? 0 : pairsMax;
        var pairs = new List<KvPair>((int)Math.Min(Math.Min(room, Remaining), 4096));
        long bytes = 0;
        while (pairs.Count < pairsMax && bytes < bytesMax && Remaining > 0 && _heap.TryDequeue(out ScanPart? part, out _))
        {
            ScanItem item = part.Take();
            if (part.Count == 0 && !part.Exhausted)
            {
                if (Refill(part) is { } late) return late;
            }
            else if (part.Count > 0)
            {
                _heap.Enqueue(part, part.First.Key);
            }

            _lastKey = item.Key;
            if (!TryComplete(part, item, out KvPair pair)) continue;
            _given++;
            if (_scan.CountOnly) continue;
            pairs.Add(pair);
            bytes += pair.Key.Length + pair.Value.Length;
        }

        _exhausted = _heap.Count == 0;
        return pairs;
    }

    public void Dispose()
    {
        _iterator.Dispose();
        _view.Dispose();
    }

    private KvResult<IReadOnlyList<KvPair>> CountAll()
    {
        int sinceCheck = 0;
        foreach (ScanPart part in _parts)
        {
            if (Check() is { } late) return late;
            long now = Now(part.Shard);
            Seek(part);
            while (MoveNext(part))
            {
                if (++sinceCheck % PairsBetweenChecks == 0 && Check() is { } tooLate) return tooLate;
                if (!StoredValue.IsExpired(_iterator.ExpiryUnixMs, now)) _given++;
            }
        }

        _exhausted = true;
        return Array.Empty<KvPair>();
    }

    /// <summary>Reads a part ahead; an error when the deadline came, also in the middle of many expired keys.</summary>
    private KvError? Refill(ScanPart part)
    {
        if (Check() is { } late) return late;
        long now = Now(part.Shard);
        int bytes = 0;
        int sinceCheck = 0;
        // Of a short scan most of what is first read ahead is never given: its values are not worth copying.
        int inlineMax = part.Quota > _firstQuota ? InlineValueBytesMax : InlineFirstBytesMax;
        Seek(part);
        while (part.Count < part.Quota && bytes < ReadAheadBytesMax)
        {
            if (!MoveNext(part))
            {
                part.Exhausted = true;
                break;
            }

            byte[] key = _iterator.Key[EngineKey.PrefixBytes..].ToArray();
            part.Rest = _scan.Reverse
                ? part.Rest with { End = key }
                : part.Rest with { Start = KeyRange.Behind(key) };
            if (++sinceCheck % PairsBetweenChecks == 0 && Check() is { } tooLate) return tooLate;
            if (StoredValue.IsExpired(_iterator.ExpiryUnixMs, now)) continue;
            ReadOnlySpan<byte> stored = _iterator.Value;
            if (!StoredValue.TryRead(stored, out KvVersion version, out int offset)) throw Damaged(part.Shard);
            byte[]? value = _scan.KeysOnly ? [] : stored.Length - offset <= inlineMax ? stored[offset..].ToArray() : null;
            part.Add(new ScanItem(key, value, version));
            bytes += key.Length + (value?.Length ?? 0);
        }

        part.Quota = Math.Min(QuotaMax, part.Quota * 2);
        if (part.Count > 0) _heap.Enqueue(part, part.First.Key);
        return null;
    }

    private bool TryComplete(ScanPart part, ScanItem item, out KvPair pair)
    {
        pair = default;
        ReadOnlyMemory<byte> value = item.Value;
        KvVersion version = item.Version;
        if (item.Value is null)
        {
            byte[] key = EngineKey.Create(part.Slot, EngineKeyKind.User, item.Key);
            // In a view taken after the key was read ahead it may be gone.
            if (!_view.TryGet(key, out StoredEntry entry)) return false;
            if (StoredValue.IsExpired(entry.ExpiryUnixMs, Now(part.Shard))) return false;
            if (!StoredValue.TryRead(entry.Value.Span, out version, out int offset)) throw Damaged(part.Shard);
            value = entry.Value[offset..];
        }

        pair = new KvPair(item.Key, value, version);
        return true;
    }

    private void Seek(ScanPart part)
    {
        if (!_scan.Reverse)
        {
            SeekTo(part, EngineKeyKind.User, part.Rest.Start);
            return;
        }

        // Nothing lies between the last user key of a slot and the next kind, so that is its open end.
        bool open = part.Rest.End.Length == 0;
        SeekTo(part, open ? EngineKeyKind.User + 1 : EngineKeyKind.User, part.Rest.End);
    }

    private void SeekTo(ScanPart part, EngineKeyKind kind, ReadOnlySpan<byte> key)
    {
        if (_seekKey.Length < EngineKey.PrefixBytes + key.Length) _seekKey = new byte[2 * (EngineKey.PrefixBytes + key.Length)];
        _iterator.Seek(_seekKey.AsSpan(0, EngineKey.Write(_seekKey, part.Slot, kind, key)));
    }

    /// <summary>To the next key of the part; false behind its range.</summary>
    private bool MoveNext(ScanPart part)
    {
        while (_iterator.MoveNext())
        {
            ReadOnlySpan<byte> key = _iterator.Key;
            if (EngineKey.SlotOf(key) != part.Slot || key[sizeof(uint)] != (byte)EngineKeyKind.User) return false;
            ReadOnlySpan<byte> userKey = key[EngineKey.PrefixBytes..];
            if (!_scan.Reverse) return part.Rest.End.Length == 0 || userKey.SequenceCompareTo(part.Rest.End) < 0;
            if (part.Rest.End.Length > 0 && userKey.SequenceCompareTo(part.Rest.End) >= 0) continue;
            return userKey.SequenceCompareTo(part.Rest.Start) >= 0;
        }

        return false;
    }

    private long Now(ShardId shard) =>
        Math.Max(_options.Time.GetUtcNow().ToUnixTimeMilliseconds(), _replicas.ShardTime(shard));

    // A replica that went away meanwhile leaves nothing to read, which is not the same as no keys; one that came in its place is not it.
    private KvError? Check() => _gone is { } shard
        ? ProposalErrors.NotLeader(shard, null)
        : DeadlineRules.Check(_options.Time.GetTimestamp(), _context);

    private (IStorageView View, IStorageIterator Iterator) Open()
    {
        _viewTakenAt = _options.Time.GetTimestamp();
        while (true)
        {
            foreach (ScanPart part in _parts) part.Slot = _replicas.SlotOf(part.Shard, part.Replica);
            IStorageView view = _storage.OpenView();
            // A snapshot that took a shard's place in between left its new slot, which the view may not have.
            if (_parts.TrueForAll(part => _replicas.SlotOf(part.Shard, part.Replica) == part.Slot))
            {
                _gone = _parts.Find(static part => part.Slot == 0)?.Shard;
                return (view, view.NewIterator(_scan.Reverse));
            }

            view.Dispose();
        }
    }

    private void RefreshView()
    {
        // A slow reader must not keep old tables alive for ever.
        if (_options.Time.GetElapsedTime(_viewTakenAt) < _options.ScanViewMax) return;
        Dispose();
        (_view, _iterator) = Open();
    }

    private static InvalidDataException Damaged(ShardId shard) =>
        new($"shard {shard}: a stored value has an unknown format");
}
