using NoriKV.Node.Peers;
using NoriKV.Node.Replication;
using NoriKV.Types;

namespace NoriKV.Node.Comparing;

/// <summary>What comparisons work with.</summary>
internal sealed record ComparisonParts
{
    public required NodeNumber Self { get; init; }

    public required ConsistencyOptions Options { get; init; }

    public required RaftHost Host { get; init; }

    public required PeerCalls Calls { get; init; }

    /// <summary>Proposes a time entry to a shard that is led here; completed when it is applied, or was not.</summary>
    public required Func<ShardId, long, Task> ProposeTime { get; init; }

    public required TimeProvider Time { get; init; }
}
