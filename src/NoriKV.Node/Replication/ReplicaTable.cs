using Nori.Core;
using NoriKV.Node.Machine;
using NoriKV.Types;

namespace NoriKV.Node.Replication;

/// <summary>The replicas on this node and what has become visible of each: applied index, shard time and slot.</summary>
/// <remarks>
/// A machine belongs to its apply worker; the published figures are written by it after the engine took the batch and
/// read by anyone. So they never say more than the engine holds.
/// </remarks>
internal sealed class ReplicaTable
{
    // Guards changes of the machines and of the map of slots: apply workers make them, each for its shards.
    private readonly Lock _changes = new();
    private readonly ShardMachine?[] _machines;
    private Dictionary<uint, int> _shardOfSlot;
    private readonly ulong[] _applied;
    private readonly ulong[] _appliedTerm;
    private readonly long[] _shardTime;
    private readonly long[] _latestExpiry;
    private readonly string?[] _stopped;
    private readonly bool[] _setApart;

    /// <summary>A table.</summary>
    /// <param name="machines">By shard; null where no replica lives here.</param>
    public ReplicaTable(IReadOnlyList<ShardMachine?> machines)
    {
        _machines = [.. machines];
        _applied = new ulong[machines.Count];
        _appliedTerm = new ulong[machines.Count];
        _shardTime = new long[machines.Count];
        _latestExpiry = new long[machines.Count];
        _stopped = new string?[machines.Count];
        _setApart = new bool[machines.Count];
        _shardOfSlot = new Dictionary<uint, int>(machines.Count);
        foreach (ShardMachine? machine in machines)
        {
            if (machine is null) continue;
            _shardOfSlot.Add(machine.State.Slot, (int)machine.State.Shard.Value);
            Publish(machine.State);
        }
    }

    /// <summary>Shards of the cluster, on this node or not.</summary>
    public int Count => _machines.Length;

    /// <summary>The replica of a shard; null where none lives here.</summary>
    public ShardMachine? this[ShardId shard] => Volatile.Read(ref _machines[shard.Value]);

    /// <summary>
    /// Under which slot the shard lies; 0 where no replica of it lives here. It changes when a snapshot is installed, and
    /// behind that the old slot is emptied: whoever read by it looks again afterwards and, if it changed, reads once more.
    /// </summary>
    public uint SlotOf(ShardId shard) => this[shard]?.State.Slot ?? 0;

    /// <summary>As above, of one replica; 0 where it does not live here, or does not any more.</summary>
    public uint SlotOf(ShardId shard, ReplicaId replica) =>
        this[shard] is { } machine && machine.State.Replica == replica ? machine.State.Slot : 0;

    /// <summary>Which replica of a shard lives here; none.</summary>
    public ReplicaId ReplicaOf(ShardId shard) => this[shard]?.State.Replica ?? default;

    public LogIndex Applied(ShardId shard) => new(Volatile.Read(ref _applied[shard.Value]));

    public Term AppliedTerm(ShardId shard) => new(Volatile.Read(ref _appliedTerm[shard.Value]));

    public long ShardTime(ShardId shard) => Volatile.Read(ref _shardTime[shard.Value]);

    /// <summary>True when the shard holds what has expired by now and its own time has not got there.</summary>
    public bool NeedsTime(ShardId shard, long nowUnixMs)
    {
        long expiry = Volatile.Read(ref _latestExpiry[shard.Value]);
        return expiry != 0 && expiry <= nowUnixMs && ShardTime(shard) < expiry;
    }

    /// <summary>
    /// Why a shard stopped (an entry that this code does not know, or tables that cannot be read); null while it works.
    /// </summary>
    public string? Stopped(ShardId shard) => Volatile.Read(ref _stopped[shard.Value]);

    public bool AnyStopped => Array.Exists(_stopped, static s => s is not null);

    public void Stop(ShardId shard, string why) => Volatile.Write(ref _stopped[shard.Value], why);

    /// <summary>
    /// Stops a shard because what its tables hold cannot be read: nothing more is applied or read of it until a snapshot takes
    /// its place. From any thread.
    /// </summary>
    public void SetApart(ShardId shard, string why)
    {
        lock (_changes)
        {
            // One that stopped at an entry it does not know stops there again behind any snapshot.
            if (_stopped[shard.Value] is not null || _machines[shard.Value] is null) return;
            _setApart[shard.Value] = true;
            Stop(shard, why);
        }
    }

    /// <summary>True while a shard waits for a snapshot to take the place of what its tables hold.</summary>
    public bool IsSetApart(ShardId shard) => Volatile.Read(ref _setApart[shard.Value]);

    /// <summary>Makes visible what the engine has taken.</summary>
    public void Publish(ShardState state)
    {
        uint shard = state.Shard.Value;
        Volatile.Write(ref _latestExpiry[shard], state.LatestExpiry);
        Volatile.Write(ref _shardTime[shard], state.ShardTime);
        Volatile.Write(ref _appliedTerm[shard], state.AppliedTerm.Value);
        Volatile.Write(ref _applied[shard], state.Applied.Value);
    }

    /// <summary>
    /// The state of a snapshot, installed under a slot of its own, takes the place of the shard's. Called by the shard's
    /// apply worker; returns the slot that is dead now.
    /// </summary>
    public uint Replace(ShardMachine machine)
    {
        ShardState state = machine.State;
        int shard = (int)state.Shard.Value;
        lock (_changes)
        {
            ShardState old = _machines[shard]!.State;
            Invariant.Assert(state.Slot != old.Slot);
            // What is rebuilt may be as it was; what its machine thought beyond what is visible is given up.
            bool isRebuilt = _setApart[shard];
            bool isNewer = isRebuilt
                ? state.Applied.Value >= _applied[shard]
                : state.Applied.CompareTo(old.Applied) > 0;
            Invariant.Assert(isNewer);
            Map(shard, old.Slot, state.Slot);
            Volatile.Write(ref _machines[shard], machine);
            Publish(state);
            if (isRebuilt)
            {
                Volatile.Write(ref _setApart[shard], false);
                Volatile.Write(ref _stopped[shard], null);
            }

            return old.Slot;
        }
    }

    /// <summary>A replica arrives that holds nothing yet. Called by the shard's apply worker.</summary>
    public void Add(ShardMachine machine)
    {
        ShardState state = machine.State;
        int shard = (int)state.Shard.Value;
        lock (_changes)
        {
            Invariant.Assert(_machines[shard] is null);
            Map(shard, 0, state.Slot);
            Volatile.Write(ref _stopped[shard], null);
            Publish(state);
            Volatile.Write(ref _machines[shard], machine);
        }
    }

    /// <summary>
    /// The replica is here no more: nothing is read of it from now on. Called by the shard's apply worker, behind whatever
    /// it was to apply; returns the slot that is dead now.
    /// </summary>
    public uint Remove(ShardId shard)
    {
        lock (_changes)
        {
            ShardState old = _machines[shard.Value]!.State;
            Map((int)shard.Value, old.Slot, 0);
            Volatile.Write(ref _machines[shard.Value], null);
            Volatile.Write(ref _setApart[shard.Value], false);
            Volatile.Write(ref _stopped[shard.Value], null);
            Publish(new ShardState(shard, default, 0, 1));
            return old.Slot;
        }
    }

    /// <summary>The shard that lives under a slot; -1 when none does.</summary>
    public int ShardOfSlot(uint slot) => Volatile.Read(ref _shardOfSlot).TryGetValue(slot, out int shard) ? shard : -1;

    // Readers on other threads hold the map: it is replaced, never changed.
    private void Map(int shard, uint oldSlot, uint newSlot)
    {
        var shardOfSlot = new Dictionary<uint, int>(_shardOfSlot);
        if (oldSlot != 0) shardOfSlot.Remove(oldSlot);
        if (newSlot != 0) shardOfSlot.Add(newSlot, shard);
        Volatile.Write(ref _shardOfSlot, shardOfSlot);
    }

    public void CopyTo(ulong[] applied, ulong[] appliedTerm, long[] shardTime)
    {
        for (int shard = 0; shard < _machines.Length; shard++)
        {
            // The index first: what is read behind it is at least as new, and the index is what the log may forget by.
            applied[shard] = Volatile.Read(ref _applied[shard]);
            appliedTerm[shard] = Volatile.Read(ref _appliedTerm[shard]);
            shardTime[shard] = Volatile.Read(ref _shardTime[shard]);
        }
    }
}
