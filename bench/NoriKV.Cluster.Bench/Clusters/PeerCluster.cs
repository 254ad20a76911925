namespace NoriKV.Cluster.Bench.Clusters;

/// <summary>Three processes and who leads the key that is measured.</summary>
internal abstract class PeerCluster : IDisposable
{
    protected List<Child> Nodes { get; } = [];

    public abstract string Name { get; }

    /// <summary>gRPC path of a write, of a read.</summary>
    public abstract (string Put, string Get) Methods { get; }

    /// <summary>Processor time of all nodes together.</summary>
    public TimeSpan ProcessorTime => Nodes.Aggregate(TimeSpan.Zero, static (sum, node) => sum + node.ProcessorTime);

    /// <summary>host:port of the node that leads the measured key.</summary>
    public abstract Task<string> LeaderAsync(CancellationToken cancellationToken);

    /// <summary>Rises by one at least with each write of the measured key: what says that writes were writes.</summary>
    public abstract Task<long> WritesAsync(CancellationToken cancellationToken);

    public virtual void Dispose()
    {
        foreach (Child node in Nodes) node.Dispose();
        Nodes.Clear();
    }

    protected static async Task UntilAsync(Func<Task<bool>> holds, string what, CancellationToken cancellationToken)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(TimeSpan.FromSeconds(60));
        while (!await holds())
        {
            if (limit.IsCancellationRequested) cancellationToken.ThrowIfCancellationRequested();
            if (limit.IsCancellationRequested) throw new TimeoutException($"not within a minute: {what}");
            await Task.Delay(TimeSpan.FromMilliseconds(100), cancellationToken);
        }
    }
}
