using NoriKV.Node.Meta;
using NoriKV.Node.Ports;
using NoriKV.Types;

namespace NoriKV.Node.Live;

/// <summary>
/// A node as those who show a cluster live see it: where its replicas stand, and the way to ask the other nodes for what they
/// show. The node carries questions and answers and knows nothing of what is in them.
/// </summary>
/// <remarks>Thread-safe.</remarks>
public interface ILiveNode
{
    /// <summary>This node.</summary>
    NodeNumber Number { get; }

    /// <summary>Starts of a process on its data directory, this one included: figures begin anew with each.</summary>
    ulong BootEpoch { get; }

    /// <summary>Who the nodes are and where replicas live, as far as this node has heard.</summary>
    ClusterTable Table { get; }

    /// <summary>The node's health.</summary>
    NodeHealth Health { get; }

    /// <summary>Where the replicas on this node stand, by shard; the meta group's is left out.</summary>
    IEnumerable<KeyValuePair<ShardId, ReplicaStatus>> Standings { get; }

    /// <summary>
    /// What the data of each shard takes in tables, estimated from where tables begin and end; zeros where the engine does not say.
    /// Looks through all tables: not to be called often.
    /// </summary>
    long[] EstimateShardBytes();

    /// <summary>
    /// Answers the questions of other nodes; null: they are refused. May be set once. It is called on the thread that brings the
    /// question, must not block, and answers at most <see cref="LiveBounds.AnswerBytesMax"/> bytes.
    /// </summary>
    Func<ReadOnlyMemory<byte>, CancellationToken, ValueTask<ReadOnlyMemory<byte>>>? Answers { get; set; }

    /// <summary>Asks a node, or this one; null when it did not answer within the time, or refused.</summary>
    ValueTask<ReadOnlyMemory<byte>?> AskAsync(
        NodeNumber node, ReadOnlyMemory<byte> question, TimeSpan limit, CancellationToken cancellationToken);
}
