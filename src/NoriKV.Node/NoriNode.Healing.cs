using Nori.IO;
using Nori.Lsm;
using NoriKV.Node.Comparing;
using NoriKV.Node.Healing;
using NoriKV.Node.Ports;
using NoriKV.Node.Replication;
using NoriKV.Types;

namespace NoriKV.Node;

/// <summary>Healing of what the engine lost (docs/healing.md).</summary>
public sealed partial class NoriNode
{
    private readonly Mender _mender;
    private readonly DigestKeeper _digests;
    private readonly ConsistencyChecker _consistency;

    /// <summary>The replicas of this node of which a part cannot be read: rebuilt from a peer, or without another copy.</summary>
    public IReadOnlyList<ReplicaDamage> Damage => _mender.Damage;

    /// <summary>The engine's tables that are set apart because a part of them cannot be read.</summary>
    public IReadOnlyList<LsmDamagedTable> DamagedTables => (_storage as IHealableStorage)?.DamagedTables ?? [];

    /// <summary>Shards led here whose replicas differed when they were compared last.</summary>
    public IReadOnlyList<ReplicaDifference> Differences => _consistency.Differences;

    /// <summary>The comparing, for tests.</summary>
    internal ConsistencyChecker Comparisons => _consistency;

    /// <summary>Where a shard lies in the engine, for tests.</summary>
    internal uint SlotOf(ShardId shard) => _replicas.SlotOf(shard);

    /// <summary>The engine, for tests.</summary>
    internal IStorage Storage => _storage;

    private Mender MakeMender()
    {
        var mender = new Mender(new MenderParts
        {
            Self = Self,
            Storage = _storage,
            Slots = _parts.Slots,
            Replicas = _replicas,
            Host = _log,
            Calls = _calls,
            Stopped = () => _failure.Reason ?? Volatile.Read(ref _closed),
            AllWell = () => LostEngine.Remove(_options.FileSystem, _parts.Directory.EnginePath),
            Meter = _options.Meter,
            Events = _options.Events,
            Time = _time,
        });
        _parts.Gate.TableDamaged = mender.NoteTable;
        _host.Rebuilt = mender.NoteRebuilt;
        return mender;
    }

    private DigestKeeper MakeDigests() => new(
        _storage, _replicas, _log, _options.Consistency, _time, (long)_options.Machine.IdempotencyRetention.TotalMilliseconds,
        NoteDamage, () => _consistency?.Signal.Set());

    private ConsistencyChecker MakeConsistency() => new(
        new ComparisonParts
        {
            Self = Self,
            Options = _options.Consistency,
            Host = _log,
            Calls = _calls,
            ProposeTime = ProposeTimeAsync,
            Time = _time,
        },
        _digests, _totalShards + 1, () => _failure.Reason ?? Volatile.Read(ref _closed), _mender.Report, _options.Meter,
        _options.Events);

    private async Task ProposeTimeAsync(ShardId shard, long deadline)
    {
        var proposal = new Proposal(
            shard, Entries.EntryWriter.Encode(Entries.EntryKind.Time), _time.GetTimestamp(), deadline, _completions,
            CancellationToken.None);
        if (_log.TryPropose(proposal) is not null) return;
        if (_watch.Add(proposal)) _loop?.WakeTicks();
        if ((_failure.Reason ?? Volatile.Read(ref _closed)) is { } failed) proposal.Fail(failed);
        await proposal.Outcome.ConfigureAwait(false);
    }

    /// <summary>A table cannot be read; applying stopped at it.</summary>
    private void NoteDamage(ShardId shard, CorruptionException damage)
    {
        NoteDamage(damage);
        _mender.Report(shard, HealingText.SetApart(shard, damage));
    }

    private void NoteDamage(CorruptionException damage) => (_storage as IHealableStorage)?.NoteDamage(damage);

    // Alone nobody else will serve it, however long one asks.
    private KvError StoppedHere(string why) => HasPeers ? ProposalErrors.Unavailable(why) : new KvError(KvCode.DataLoss, why);

    /// <summary>
    /// What a read answers that met damage. Where there are peers they have it, and the caller may ask there; here it takes a
    /// while.
    /// </summary>
    private KvError DamageMet(CorruptionException damage)
    {
        NoteDamage(damage);
        return HasPeers ? ProposalErrors.Unavailable(damage.Message) : new KvError(KvCode.DataLoss, damage.Message);
    }
}
