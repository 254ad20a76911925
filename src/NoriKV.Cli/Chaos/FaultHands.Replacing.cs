using NoriKV.Cli.Chaos.Nodes;
using NoriKV.Cli.Cluster;
using NoriKV.Client;
using NoriKV.Node.Meta;
using NoriKV.Types;

namespace NoriKV.Cli.Chaos;

/// <summary>A disk that is lost for good, and the node that takes its owner's place.</summary>
internal sealed partial class FaultHands
{
    private static readonly TimeSpan AskTimeout = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan AskAgain = TimeSpan.FromMilliseconds(500);

    // In the middle of other faults there may be nobody to give it up: then it waits for the healing.
    private static readonly TimeSpan ReplaceLimit = TimeSpan.FromSeconds(15);

    // A bit is about to be flipped, or a disk to be lost.
    private volatile bool _isHarming;

    /// <summary>
    /// Has each node that lost its disk given up, and starts an empty one in its place; gives up at the limit. What an operator
    /// does: <c>norikv cluster replace</c>, then a node of that name on an empty directory.
    /// </summary>
    public async Task ReplaceLostAsync(TimeSpan limit, CancellationToken stop)
    {
        foreach (ChaosNode node in Nodes.Where(static n => n.IsLost)) await ReplaceAsync(node, limit, stop).ConfigureAwait(false);
    }

    /// <summary>Why the cluster has not made up for a lost disk yet; null once it has, and another may be lost.</summary>
    public async Task<string?> WhyNotWholeAsync(CancellationToken stop)
    {
        if (!Nodes.Any(static n => n.IsLost || n.IsReplaced)) return null;
        if (Nodes.FirstOrDefault(static n => n.IsLost) is { } lost) return $"{lost.Name} was not given up";
        try
        {
            ClusterStatus status = await AskAsync(static c => c.StatusAsync(shards: true, default), stop).ConfigureAwait(false);
            if (status.MovesWanted > 0 || status.MovesInFlight > 0) return $"{status.MovesWanted} moves are wanted";
            if (!new ClusterFacts(status).IsHealthy) return "the cluster is not healthy";
        }
        catch (NoriKVException failure)
        {
            return failure.Message;
        }

        foreach (ChaosNode node in Nodes) node.IsReplaced = false;
        return null;
    }

    // One copy of each entry may rot or be lost at a time: what is gone on a majority is gone for good.
    private bool TryHarm(ChaosNode node)
    {
        lock (_gate)
        {
            if (!node.IsUp || _isHarming || Nodes.Any(static n => n.Flipped is not null || n.IsLost || n.IsReplaced)) return false;
            return _isHarming = true;
        }
    }

    private async Task LoseAsync(ChaosNode node, CancellationToken stop)
    {
        if (!TryHarm(node)) return;
        (node.IsLost, _isHarming) = (true, false);
        report.Injected(ChaosFaults.Replace);
        await node.KillAsync().ConfigureAwait(false);
        Directory.Delete(node.DataDirectory, recursive: true);
        report.Tell($"{node.Name} killed, its disk is lost for good");
        await ReplaceAsync(node, ReplaceLimit, stop).ConfigureAwait(false);
    }

    private async Task ReplaceAsync(ChaosNode node, TimeSpan limit, CancellationToken stop)
    {
        long begun = time.GetTimestamp();
        while (time.GetElapsedTime(begun) < limit)
        {
            try
            {
                await AskAsync(c => c.ReplaceAsync(node.Name, default), stop).ConfigureAwait(false);
            }
            catch (NoriKVException)
            {
                // Not silent for long enough, or nobody leads the registry.
                await Task.Delay(AskAgain, time, stop).ConfigureAwait(false);
                continue;
            }

            report.Tell($"{node.Name} was given up {time.GetElapsedTime(begun).TotalSeconds:0.000} s later");
            lock (_gate) (node.IsReplaced, node.IsLost) = (true, false);
            Begin(node);
            return;
        }
    }

    private async Task<ClusterStatus> AskAsync(Func<ClusterConnection, Task<ClusterStatus>> ask, CancellationToken stop)
    {
        string[] addresses = [.. Nodes.Where(static n => n.IsUp).Select(static n => $"{n.Real}")];
        if (addresses.Length == 0) throw new UnavailableException(new KvError(KvCode.Unavailable, "no node is up"));
        stop.ThrowIfCancellationRequested();
        var connection = new ClusterConnection(new ClusterTarget(addresses, AskTimeout, null, null, time));
        await using (connection.ConfigureAwait(false)) return await ask(connection).ConfigureAwait(false);
    }
}
