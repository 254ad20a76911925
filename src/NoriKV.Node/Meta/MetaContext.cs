using NoriKV.Node.Directory;
using NoriKV.Node.Peers;
using NoriKV.Node.Ports;
using NoriKV.Node.Replication;
using NoriKV.Types;

namespace NoriKV.Node.Meta;

/// <summary>What the parts of a node share that keep the cluster together.</summary>
internal sealed class MetaContext
{
    public required NodeIdentity Identity { get; init; }

    public required NodeOptions Options { get; init; }

    public required ClusterTable Table { get; init; }

    public required NodeViews Views { get; init; }

    public required RaftHost Host { get; init; }

    public required NodeLiveness Liveness { get; init; }

    public required ReplicaTable Replicas { get; init; }

    public required PeerCalls Calls { get; init; }

    public required MetaStore Store { get; init; }

    /// <summary>Why the node goes no further; null while it does.</summary>
    public required Func<string?> Stopped { get; init; }

    /// <summary>Why nobody in the cluster answers this node; null for a member.</summary>
    public required Func<string?> Dismissed { get; init; }

    /// <summary>Something threw that must not.</summary>
    public required Action<Exception> Crashed { get; init; }

    /// <summary>Wakes the loop that steps agent and driver.</summary>
    public StepSignal Signal { get; } = new();

    public NodeNumber Self => Identity.Node;

    public PlacementOptions Placement => Options.Placement;

    public TimeProvider Time => Options.Time;

    public ShardId MetaShard => Store.Shard;

    public long Now => Time.GetTimestamp();

    public long Ticks(TimeSpan span) => (long)(span.TotalSeconds * Time.TimestampFrequency);

    public TimeSpan Since(long timestamp) => Time.GetElapsedTime(timestamp, Now);

    /// <summary>Where this node's replica of the meta group stands.</summary>
    public ReplicaStatus MetaStatus => Host.Status(MetaShard);

    /// <summary>Runs what goes on over many steps; what it throws ends the node.</summary>
    public async Task Run(Func<Task> work)
    {
        try
        {
            await work().ConfigureAwait(false);
        }
        catch (Exception e) when (e is InvalidOperationException or InvalidDataException or Nori.Core.InvariantException
            or ArgumentException or IOException)
        {
            if (Stopped() is null) Crashed(e);
        }
    }
}
