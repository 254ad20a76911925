using System.Buffers;
using Nori.Core;
using NoriKV.Node.Machine;
using NoriKV.Node.Ports;

namespace NoriKV.Node.Snapshots;

/// <summary>
/// A shard as of one view of the engine, as a stream of bytes: its state record first, then all its pairs in order, expired
/// ones too. Holds one record in memory.
/// </summary>
internal sealed class SnapshotSource : IDisposable
{
    private readonly IStorageView _view;
    private readonly IStorageIterator _iterator;
    private readonly uint _slot;
    private readonly ArrayBufferWriter<byte> _record = new(4096);
    private int _taken;

    private SnapshotSource(IStorageView view, IStorageIterator iterator, uint slot, ShardState state)
    {
        _view = view;
        _iterator = iterator;
        _slot = slot;
        State = state;
        Rewind();
    }

    /// <summary>The state record of exactly this view.</summary>
    public ShardState State { get; }

    /// <summary>What was taken so far.</summary>
    public SnapshotTotals Totals { get; private set; }

    /// <summary>True when everything was taken.</summary>
    public bool AtEnd { get; private set; }

    /// <summary>Opens it over a view, which it owns from then on; null when nothing lies under the slot.</summary>
    public static SnapshotSource? Open(IStorageView view, uint slot, long retentionMs)
    {
        IStorageIterator iterator = view.NewIterator(reverse: false);
        byte[] recordKey = EngineKey.Create(slot, EngineKeyKind.State);
        iterator.Seek(recordKey);
        ShardState? state = iterator.MoveNext() && iterator.Key.SequenceEqual(recordKey)
            ? ShardState.TryDecode(iterator.Value, slot, retentionMs)
            : null;
        if (state is not null) return new SnapshotSource(view, iterator, slot, state);
        iterator.Dispose();
        view.Dispose();
        return null;
    }

    /// <summary>Begins from the front again, over the same view.</summary>
    public void Rewind()
    {
        _iterator.Seek(EngineKey.Create(_slot, EngineKeyKind.State));
        _record.ResetWrittenCount();
        _taken = 0;
        Totals = default;
        AtEnd = false;
        Invariant.Assert(LoadNext());
    }

    /// <summary>Fills a chunk's payload; returns its bytes, which are none at the end only.</summary>
    public int Take(Span<byte> target)
    {
        int filled = 0;
        while (filled < target.Length && !AtEnd)
        {
            ReadOnlySpan<byte> rest = _record.WrittenSpan[_taken..];
            int count = Math.Min(rest.Length, target.Length - filled);
            rest[..count].CopyTo(target[filled..]);
            filled += count;
            _taken += count;
            if (_taken == _record.WrittenCount && !LoadNext()) AtEnd = true;
        }

        if (filled > 0) Totals = Totals.Add(target[..filled]);
        return filled;
    }

    public void Dispose()
    {
        _iterator.Dispose();
        _view.Dispose();
    }

    private bool LoadNext()
    {
        _record.ResetWrittenCount();
        _taken = 0;
        if (!_iterator.MoveNext()) return false;
        ReadOnlySpan<byte> key = _iterator.Key;
        if (EngineKey.SlotOf(key) != _slot) return false;
        var kind = (EngineKeyKind)key[sizeof(uint)];
        if (kind == EngineKeyKind.State)
        {
            SnapshotRecord.WriteState(_record, _iterator.Value);
        }
        else
        {
            SnapshotRecord.WritePair(
                _record, kind, key[EngineKey.PrefixBytes..], _iterator.Value, _iterator.ExpiryUnixMs);
        }

        Totals = Totals with { Records = Totals.Records + 1 };
        return true;
    }
}
