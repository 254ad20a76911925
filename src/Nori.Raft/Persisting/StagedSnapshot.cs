using Nori.Raft.Core;

namespace Nori.Raft;

/// <summary>A received snapshot, whole and checked, on its way to become the newest one.</summary>
internal sealed class StagedSnapshot(SnapshotMeta meta, ISnapshotStaging staging, uint checksum)
{
    public SnapshotMeta Meta => meta;

    public void Commit()
    {
        staging.Commit(checksum);
        staging.Dispose();
    }

    public void Discard()
    {
        staging.Clear();
        staging.Dispose();
    }
}
