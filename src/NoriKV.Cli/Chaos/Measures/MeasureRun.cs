using NoriKV.Cli.Chaos.Nodes;
using NoriKV.Client;

namespace NoriKV.Cli.Chaos.Measures;

/// <summary>Starts a cluster for each measure, so that none meets what another left, and gathers the rows.</summary>
internal sealed class MeasureRun(MeasureOptions options, string folder, Action<string> tell, TimeProvider time)
{
    private static readonly TimeSpan StartLimit = TimeSpan.FromSeconds(120);

    public async Task<IReadOnlyList<MeasureRow>> RunAsync(CancellationToken cancellationToken)
    {
        var rows = new List<MeasureRow>();
        foreach (string name in options.Only)
        {
            string own = Directory.CreateDirectory(Path.Combine(folder, name)).FullName;
            var cluster = new ChaosCluster(options.Cluster, own, isTemporary: true, isDirect: true, time);
            await using (cluster.ConfigureAwait(false))
            {
                await cluster.StartAsync(StartLimit, cancellationToken).ConfigureAwait(false);
                rows.AddRange(await OneAsync(name, cluster, cancellationToken).ConfigureAwait(false));
            }
        }

        return rows;
    }

    /// <summary>A client of all nodes, as applications have it.</summary>
    public static NoriKVClient Connect(ChaosCluster cluster, TimeSpan deadline) => NoriKVClient.Connect(Options(cluster, deadline));

    public static NoriKVClientOptions Options(ChaosCluster cluster, TimeSpan deadline) => new()
    {
        Addresses = cluster.Addresses,
        Deadline = deadline,
        ConnectTimeout = TimeSpan.FromSeconds(1),
    };

    private Task<IReadOnlyList<MeasureRow>> OneAsync(string name, ChaosCluster cluster, CancellationToken stop) => name switch
    {
        "kill" => new FailoverMeasure(cluster, options, tell, time).KillsAsync(stop),
        "stall" => new FailoverMeasure(cluster, options, tell, time).StallsAsync(stop),
        "slow" => new LoadMeasure(cluster, options, tell, time).SlowFollowerAsync(stop),
        _ => new LoadMeasure(cluster, options, tell, time).OverloadAsync(stop),
    };
}
