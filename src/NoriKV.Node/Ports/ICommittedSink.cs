using NoriKV.Node.Replication;

namespace NoriKV.Node.Ports;

/// <summary>Takes committed entries for applying, in index order per shard.</summary>
public interface ICommittedSink
{
    /// <summary>True while it has room; its owner proposes nothing while it has not.</summary>
    bool HasRoom { get; }

    /// <summary>Takes one entry.</summary>
    void Enqueue(in CommittedEntry entry);

    /// <summary>All entries of a round were handed over: the workers may start.</summary>
    void EndRound();
}
