using Nori.IO;
using NoriKV.Node.Directory;
using NoriKV.Node.Log;
using NoriKV.Node.Machine;
using NoriKV.Node.Ports;
using NoriKV.Node.Snapshots;
using NoriKV.Types;

namespace NoriKV.Node.Healing;

/// <summary>
/// What an engine says at open of the replicas that live in it: their state records. Where a table cannot be read it goes around
/// the damage: what lies there is said by nobody.
/// </summary>
internal sealed class EngineStates
{
    private readonly IStorage _storage;
    private readonly SharedLog _log;
    private readonly string _enginePath;
    private readonly long _retentionMs;

    private EngineStates(IStorage storage, SharedLog log, NodeDirectory directory, long retentionMs)
    {
        (_storage, _log, _enginePath, _retentionMs) = (storage, log, directory.EnginePath, retentionMs);
        // The meta group is the shard behind the last one.
        States = new ShardState?[directory.Identity.TotalShards + 1];
    }

    /// <summary>By shard: of two slots the one with the higher (replica, applied index), of equals the later one.</summary>
    public ShardState?[] States { get; }

    /// <summary>Slots under which no replica lives any more.</summary>
    public List<uint> Dead { get; } = [];

    /// <summary>The first slot that was never used.</summary>
    public uint NextSlot { get; private set; }

    /// <summary>The node's first replicas are in tables.</summary>
    public bool HasBegun { get; private set; }

    /// <summary>A part of the engine could not be read.</summary>
    public bool IsDamaged { get; private set; }

    /// <exception cref="CorruptionException">A record is not what was written, or the damage is not of a table.</exception>
    public static EngineStates Find(IStorage storage, SharedLog log, NodeDirectory directory, long retentionMs)
    {
        var states = new EngineStates(storage, log, directory, retentionMs);
        states.Find();
        return states;
    }

    private void Find()
    {
        IsDamaged = _storage is IHealableStorage { DamagedTables.Count: > 0 };
        if (!TryRead(() => NextSlot = NodeSlots.Load(_storage))) NextSlot = 1;
        // Only where the node has begun a table has it: what cannot be read was there.
        if (!TryRead(() => HasBegun = _storage.TryGet(NodeSlots.BegunKey, out _))) HasBegun = true;
        if (!TryRead(FindAll)) FindOneByOne();
    }

    private void FindAll()
    {
        using IStorageView view = _storage.OpenView();
        using IStorageIterator iterator = view.NewIterator(reverse: false);
        for (uint slot = 1; slot != 0; slot++)
        {
            iterator.Seek(EngineKey.Create(slot, EngineKeyKind.State));
            if (!iterator.MoveNext()) return;
            slot = EngineKey.SlotOf(iterator.Key);
            bool isRecord = iterator.Key.Length == EngineKey.PrefixBytes && iterator.Key[^1] == (byte)EngineKeyKind.State;
            Take(isRecord ? ShardState.TryDecode(iterator.Value, slot, _retentionMs) : null, slot);
        }
    }

    /// <summary>A walk stops at the first damage; asked for alone, each record is read that lies in no damaged block.</summary>
    private void FindOneByOne()
    {
        Array.Clear(States);
        Dead.Clear();
        uint last = EngineKey.SlotOf(((IHealableStorage)_storage).GreatestKey.Span);
        for (uint slot = 1; slot <= last; slot++)
        {
            uint at = slot;
            TryRead(() =>
            {
                if (_storage.TryGet(EngineKey.Create(at, EngineKeyKind.State), out StoredEntry record))
                    Take(ShardState.TryDecode(record.Value.Span, at, _retentionMs), at);
            });
        }

        // What lies in the damage may be a slot that was used.
        NextSlot = Math.Max(NextSlot, last + 1);
    }

    private void Take(ShardState? state, uint slot)
    {
        if (state is null || state.Shard.Value >= (uint)States.Length)
            throw new CorruptionException(_enginePath, 0, $"the state record of slot {slot}", "none that can be read");
        NextSlot = Math.Max(NextSlot, slot + 1);
        Take(state);
    }

    private void Take(ShardState state)
    {
        ref ShardState? place = ref States[state.Shard.Value];
        ShardState? loser = state;
        if (!IsGone(state) && (place is null || Compare(state, place) > 0)) (place, loser) = (state, place);
        if (loser is not null) Dead.Add(loser.Slot);
    }

    // Its removal is in the log, and a crash came before its slot was emptied.
    private bool IsGone(ShardState state) => _log.GroupState(state.Shard) is { } held
        && (held.IsClean ? state.Replica.CompareTo(held.Replica) <= 0 : state.Replica.CompareTo(held.Replica) < 0);

    // A replica that was rebuilt may be as far as it was: the later slot is the whole one.
    private static int Compare(ShardState a, ShardState b)
    {
        int order = a.Replica.CompareTo(b.Replica);
        if (order == 0) order = a.Applied.CompareTo(b.Applied);
        return order != 0 ? order : a.Slot.CompareTo(b.Slot);
    }

    private bool TryRead(Action read)
    {
        try
        {
            read();
            return true;
        }
        catch (CorruptionException e) when (_storage is IHealableStorage healable && healable.NoteDamage(e))
        {
            IsDamaged = true;
            return false;
        }
    }
}
