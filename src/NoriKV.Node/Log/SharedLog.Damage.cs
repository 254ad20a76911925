using Nori.IO;
using Nori.Wal;
using NoriKV.Types;

namespace NoriKV.Node.Log;

/// <summary>What follows from damage that opening reported (faults.md §2).</summary>
public sealed partial class SharedLog
{
    // What is kept of a damaged group's entries; the rest its peers have.
    private const int KeptBytesMax = 8 << 20;

    private List<SuspectGroup> _uncontained = [];
    private WalPosition _damagePlace;
    private bool _mustContain;

    /// <summary>
    /// After damage was reported, before the first write: notes durably, for every replica of the node, what it may have lost,
    /// and cuts its log before the damage. Does nothing where nothing was reported.
    /// </summary>
    /// <param name="expected">
    /// Every replica that the node should have. One of which the log knows nothing may have had all its records in the
    /// damage.
    /// </param>
    /// <exception cref="StorageException">The disk is full; open again when it is not.</exception>
    /// <exception cref="WalFailedException">The log failed.</exception>
    public void Contain(IReadOnlyList<ExpectedReplica> expected)
    {
        ArgumentNullException.ThrowIfNull(expected);
        if (!_mustContain) return;
        _mustContain = false;
        Dictionary<uint, SuspectGroup> suspects = _uncontained.ToDictionary(s => s.Shard.Value);
        using var batch = new SharedLogBatch();
        foreach (ExpectedReplica replica in expected)
        {
            batch.Clear();
            Contain(replica, suspects, batch);
            if (batch.Count > 0) WriteContained(batch);
        }

        Sync();
        _uncontained = [];
    }

    /// <summary>The replica holds again what it had confirmed: takes its mark away; durable after the next sync.</summary>
    public void Heal(ShardId shard, ReplicaId replica)
    {
        if (!_groups.TryGetValue(shard.Value, out LogGroup? group) || group.Replica != replica) return;
        if (group.Mark.Damage != LogDamage.Entries) return;
        using var batch = new SharedLogBatch();
        batch.AddMark(0, shard, replica, group.HardState ?? default, default);
        Write(batch);
    }

    /// <summary>
    /// The replica lacks entries that it confirmed, and nothing in the log tells: from here on the log does, until <see
    /// cref="Heal"/>. Durable after the next sync.
    /// </summary>
    public void NoteLoss(ShardId shard, ReplicaId replica)
    {
        if (!_groups.TryGetValue(shard.Value, out LogGroup? group) || group.Replica != replica || group.IsClean) return;
        if (group.Mark.Damage != LogDamage.None) return;
        using var batch = new SharedLogBatch();
        batch.AddMark(0, shard, replica, group.HardState ?? default, new LogMark(LogDamage.Entries, default));
        Write(batch);
    }

    private void Contain(in ExpectedReplica replica, Dictionary<uint, SuspectGroup> suspects, SharedLogBatch batch)
    {
        if (!_groups.TryGetValue(replica.Shard.Value, out LogGroup? group) || group.Replica.CompareTo(replica.Replica) < 0)
        {
            batch.AddMark(0, replica.Shard, replica.Replica, default, new LogMark(LogDamage.HardState, _damagePlace));
            return;
        }

        if (group.Replica != replica.Replica || group.IsClean) return;
        if (!suspects.TryGetValue(replica.Shard.Value, out SuspectGroup suspect)) return;
        bool neverBack = suspect.HardStateInDoubt || group.Mark.Damage == LogDamage.HardState;
        var mark = new LogMark(neverBack ? LogDamage.HardState : LogDamage.Entries, _damagePlace);
        HardState state = group.HardState ?? default;
        if (!neverBack) state = Cut(group, replica, state, batch);
        batch.AddMark(0, group.Shard, group.Replica, state, mark);
    }

    /// <summary>
    /// The log begins anew where the tables end, with what is certain behind that, all in one batch with the mark: whole or
    /// not at all.
    /// </summary>
    private HardState Cut(LogGroup group, in ExpectedReplica replica, HardState state, SharedLogBatch batch)
    {
        ulong applied = replica.Applied.Value;
        bool fromPrefix = group.PrefixIndex >= applied;
        ulong start = fromPrefix ? group.PrefixIndex : applied;
        Term startTerm = fromPrefix ? group.PrefixTerm : replica.AppliedTerm;
        batch.InstallSnapshot(group.Shard, group.Replica, new LogIndex(start), startTerm);
        ulong last = start;
        while (group.TryGet(last + 1, out EntryRef at) && (group.DoubtFrom == 0 || last + 1 < group.DoubtFrom)
            && batch.Bytes < Math.Min(KeptBytesMax, _options.BatchBytesMax / 4))
        {
            LogEntry entry = ReadEntry(group, last + 1, at);
            batch.AddEntry(
                LogRecordKind.Append, LogRecord.CopyFlag, group.Shard, group.Replica, entry.Index, entry.Term,
                entry.Envelope.Span);
            last++;
        }

        return state with { Commit = new LogIndex(Math.Min(state.Commit.Value, last)) };
    }

    private void WriteContained(SharedLogBatch batch)
    {
        CheckFits(batch);
        if (_log.WouldRoll(batch.Records)) _log.Roll();
        Put(batch);
    }
}
