using System.Runtime.InteropServices;
using Nori.Core;
using NoriKV.Types;

namespace NoriKV.Node.Log;

/// <summary>
/// What a batch must fulfil before a byte of it is written: a wrong record would be replayed for ever.
/// </summary>
public sealed partial class SharedLog
{
    /// <summary>A group as it will be behind the records of the batch looked at so far.</summary>
    private struct Check
    {
        public bool Known;
        public bool Exists;
        public bool IsClean;
        public ReplicaId Replica;
        public ulong Prefix;
        public ulong Last;
    }

    private void CheckFits(SharedLogBatch batch)
    {
        _checks.Clear();
        foreach (ref readonly LogOperation operation in CollectionsMarshal.AsSpan(batch.OperationList))
        {
            ref Check check = ref CollectionsMarshal.GetValueRefOrAddDefault(_checks, operation.Shard.Value, out _);
            if (!check.Known) check = Begin(operation.Shard);
            if (check.Replica != operation.Replica)
            {
                bool isArrival = !check.Exists || check.IsClean;
                Invariant.Assert(isArrival);
                check = new Check { Known = true, Exists = true, Replica = operation.Replica };
            }

            CheckOne(operation, ref check);
        }
    }

    private void CheckOne(in LogOperation operation, ref Check check)
    {
        bool mayWrite = !check.IsClean || operation.Kind == LogRecordKind.Clean;
        Invariant.Assert(mayWrite);
        switch (operation.Kind)
        {
            case LogRecordKind.Append:
                Invariant.Assert(operation.Index.Value > check.Prefix);
                Invariant.Assert(operation.Index.Value <= check.Last + 1);
                check.Last = operation.Index.Value;
                break;
            case LogRecordKind.TruncatePrefix:
                Invariant.Assert(operation.Index.Value >= check.Prefix);
                bool isHeld = operation.ReplacesLog || operation.Index.Value == check.Prefix
                    || (TryGetTerm(operation.Shard, operation.Index, out Term term) && term == operation.Term);
                Invariant.Assert(isHeld);
                check.Prefix = operation.Index.Value;
                if (operation.ReplacesLog) check.Last = check.Prefix;
                Invariant.Assert(check.Last >= check.Prefix);
                break;
            case LogRecordKind.Clean:
                check.IsClean = true;
                break;
        }
    }

    private Check Begin(ShardId shard)
    {
        if (!_groups.TryGetValue(shard.Value, out LogGroup? group)) return new Check { Known = true };
        return new Check
        {
            Known = true,
            Exists = true,
            IsClean = group.IsClean,
            Replica = group.Replica,
            Prefix = group.PrefixIndex,
            Last = group.LastIndex,
        };
    }
}
