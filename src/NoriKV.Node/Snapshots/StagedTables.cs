using NoriKV.Node.Machine;
using NoriKV.Node.Ports;
using Raft = Nori.Raft.Core;

namespace NoriKV.Node.Snapshots;

/// <summary>
/// A snapshot as finished tables under a slot of its own, in a place that the engine does not know. What a crash leaves of
/// it, the next start removes. Behind <see cref="Install"/> the caller replaces the shard's machine, has the log installed
/// and synced, and only then answers; a crash in between is completed by <see cref="SnapshotBase.Complete"/>.
/// </summary>
internal sealed class StagedTables(
    IStorage storage, SnapshotStaging staging, string directory, IReadOnlyList<string> tables, ShardState state,
    Raft.SnapshotMeta meta) : StagedSnapshot
{
    public override Raft.SnapshotMeta Meta => meta;

    /// <summary>The state that the tables hold.</summary>
    public ShardState State => state;

    /// <exception cref="Nori.IO.StorageException">
    /// With IsDiskFull: nothing was done, try again later. Otherwise the store failed.
    /// </exception>
    public override ShardState Install()
    {
        storage.Ingest(tables);
        staging.Remove(directory, tables);
        return state;
    }

    public override void Discard() => staging.Remove(directory, tables);
}
