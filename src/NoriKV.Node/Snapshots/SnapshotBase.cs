using NoriKV.Node.Log;
using NoriKV.Node.Machine;
using NoriKV.Types;

namespace NoriKV.Node.Snapshots;

/// <summary>The last step of an install, repeated when a crash came between it and the one before.</summary>
internal static class SnapshotBase
{
    /// <summary>
    /// At open, before the log is compared with the engine: gathers the truncation if the log does not hold the entry that
    /// the state's snapshot ends with. The caller writes and syncs what was gathered for all shards.
    /// </summary>
    /// <returns>True when something was gathered.</returns>
    public static bool Complete(ShardState state, SharedLog log, SharedLogBatch batch)
    {
        if (state.BaseIndex.Value == 0) return false;
        GroupState? group = log.GroupState(state.Shard);
        // The prefix was cut at or behind the base: the step was done.
        if (group is { } held && held.Replica == state.Replica && held.FirstIndex.Value > state.BaseIndex.Value) return false;
        if (log.TryGetTerm(state.Shard, state.BaseIndex, out Term term) && term == state.BaseTerm) return false;
        batch.InstallSnapshot(state.Shard, state.Replica, state.BaseIndex, state.BaseTerm);
        // The hard state came in the same batch as the truncation. A term that is forgotten with it was never voted in.
        if ((group?.HardState?.Term ?? default).CompareTo(state.BaseTerm) < 0)
        {
            batch.HardState(state.Shard, state.Replica, state.BaseTerm, default, state.BaseIndex);
        }

        return true;
    }
}
