using Nori.Core;
using Nori.IO;
using Nori.Wal;
using NoriKV.Types;

namespace NoriKV.Node.Log;

/// <summary>Rebuilding the index from what the WAL holds, in one pass.</summary>
public sealed partial class SharedLog
{
    // More than any group can hold by the node's budget; a larger jump is no index but damage.
    private const ulong HoleMax = 1 << 24;

    private sealed class Replay(SharedLog log) : IWalReplay
    {
        public WalPosition LastDamage { get; private set; }

        public void OnRecord(WalPosition position, byte type, int storedBytes, ReadOnlySpan<byte> payload)
        {
            if (!LogRecord.TryDecode(type, payload, out LogRecord record))
            {
                throw log.Damaged(position, "a record of the shared log, format 1", $"type {type}, {payload.Length} bytes");
            }

            LogOperation operation = LogOperation.From(record);
            log.CheckJump(operation, position);
            log.Apply(operation, position, storedBytes, isStart: true);
        }

        public void OnDamage(WalDamage damage)
        {
            LastDamage = damage.Start;
            foreach (LogGroup group in log._groups.Values) group.NoteDamage();
        }
    }

    private void CheckJump(in LogOperation operation, WalPosition position)
    {
        if (operation.Kind is not (LogRecordKind.Append or LogRecordKind.Rewrite)) return;
        if (!_groups.TryGetValue(operation.Shard.Value, out LogGroup? group) || group.EntryCount == 0) return;
        if (operation.Index.Value + HoleMax > group.FirstIndex && operation.Index.Value < group.LastIndex + HoleMax) return;
        throw Damaged(
            position,
            $"an entry of shard {operation.Shard} near {group.FirstIndex} to {group.LastIndex}",
            $"index {operation.Index}");
    }

    private SharedLogRecovery FinishReplay(RecoveryReport report, Replay replay)
    {
        var suspects = new List<SuspectGroup>();
        bool isDamaged = report.Damage.Count > 0;
        foreach (LogGroup group in _groups.Values.OrderBy(group => group.Shard))
        {
            // One that does not come back may have holes for ever.
            ulong hole = group.Mark.Damage == LogDamage.HardState ? 0 : group.FirstHole();
            bool isNews = isDamaged && group.MarkPosition < replay.LastDamage && !group.IsClean;
            bool hardState = isNews && group.HardStatePosition < replay.LastDamage;
            bool entries = hole > 0 || (isNews && group.LastAppendPosition < replay.LastDamage) || group.DoubtFrom > 0;
            if (!hardState && !entries) continue;
            if (hole > 0 && _options.OnCorruption == CorruptionAction.Throw)
            {
                throw Damaged(
                    _log.Segments is [var oldest, ..] ? new WalPosition(oldest.Number, 0) : default,
                    $"entry {hole} of shard {group.Shard}, replica {group.Replica}, in this segment or later",
                    "no such entry");
            }

            suspects.Add(new SuspectGroup(group.Shard, group.Replica, hardState, entries, new LogIndex(hole)));
        }

        _uncontained = suspects;
        _damagePlace = replay.LastDamage;
        _mustContain = isDamaged || suspects.Count > 0;
        return new SharedLogRecovery
        {
            Wal = report,
            Groups = _groups.Count,
            Entries = _usage.Entries,
            DroppedRecords = _dropped,
            Suspects = suspects,
        };
    }

    private CorruptionException Damaged(WalPosition position, string expected, string actual) => new(
        Path.Combine(_options.Directory, $"{position.Segment:D20}.wal"), position.Offset, expected, actual);
}
