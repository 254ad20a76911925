using NoriKV.Node.Machine;
using NoriKV.Types;

namespace NoriKV.Node.Replication;

/// <summary>The replicas on this node and what has become visible of each: applied index and shard time.</summary>
/// <remarks>
/// A machine belongs to its apply worker; the published figures are written by it after the engine took the batch and
/// read by anyone. So they never say more than the engine holds.
/// </remarks>
internal sealed class ReplicaTable
{
    private readonly ShardMachine[] _machines;
    private readonly Dictionary<uint, int> _shardOfSlot;
    private readonly ulong[] _applied;
    private readonly ulong[] _appliedTerm;
    private readonly long[] _shardTime;
    private readonly long[] _latestExpiry;
    private readonly string?[] _stopped;

    public ReplicaTable(IReadOnlyList<ShardMachine> machines)
    {
        _machines = [.. machines];
        _applied = new ulong[machines.Count];
        _appliedTerm = new ulong[machines.Count];
        _shardTime = new long[machines.Count];
        _latestExpiry = new long[machines.Count];
        _stopped = new string?[machines.Count];
        _shardOfSlot = new Dictionary<uint, int>(machines.Count);
        for (int shard = 0; shard < machines.Count; shard++)
        {
            _shardOfSlot.Add(machines[shard].State.Slot, shard);
            Publish(machines[shard].State);
        }
    }

    public int Count => _machines.Length;

    public ShardMachine this[ShardId shard] => _machines[shard.Value];

    public LogIndex Applied(ShardId shard) => new(Volatile.Read(ref _applied[shard.Value]));

    public Term AppliedTerm(ShardId shard) => new(Volatile.Read(ref _appliedTerm[shard.Value]));

    public long ShardTime(ShardId shard) => Volatile.Read(ref _shardTime[shard.Value]);

    /// <summary>True when the shard holds what has expired by now and its own time has not got there.</summary>
    public bool NeedsTime(ShardId shard, long nowUnixMs)
    {
        long expiry = Volatile.Read(ref _latestExpiry[shard.Value]);
        return expiry != 0 && expiry <= nowUnixMs && ShardTime(shard) < expiry;
    }

    /// <summary>Why a shard stopped (an entry that this code does not know); null while it works.</summary>
    public string? Stopped(ShardId shard) => Volatile.Read(ref _stopped[shard.Value]);

    public bool AnyStopped => Array.Exists(_stopped, static s => s is not null);

    public void Stop(ShardId shard, string why) => Volatile.Write(ref _stopped[shard.Value], why);

    /// <summary>Makes visible what the engine has taken.</summary>
    public void Publish(ShardState state)
    {
        uint shard = state.Shard.Value;
        Volatile.Write(ref _latestExpiry[shard], state.LatestExpiry);
        Volatile.Write(ref _shardTime[shard], state.ShardTime);
        Volatile.Write(ref _appliedTerm[shard], state.AppliedTerm.Value);
        Volatile.Write(ref _applied[shard], state.Applied.Value);
    }

    /// <summary>The shard that lives under a slot; -1 when none does.</summary>
    public int ShardOfSlot(uint slot) => _shardOfSlot.TryGetValue(slot, out int shard) ? shard : -1;

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
