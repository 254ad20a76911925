using NoriKV.Node.Machine;
using Raft = Nori.Raft.Core;

namespace NoriKV.Node.Snapshots;

/// <summary>A snapshot that arrived whole and waits to be installed, or not.</summary>
/// <remarks>One owner: the apply worker of its shard installs it, in order with the entries before it.</remarks>
internal abstract class StagedSnapshot
{
    /// <summary>What it covers.</summary>
    public abstract Raft.SnapshotMeta Meta { get; }

    /// <summary>
    /// Makes it the shard's data, by one manifest edit under a fresh slot, and returns the shard's state as it is from then
    /// on. Durable when it returns. The log's prefix is the caller's to cut, behind it.
    /// </summary>
    public abstract ShardState Install();

    /// <summary>It is not needed: removes what was staged.</summary>
    public abstract void Discard();
}
