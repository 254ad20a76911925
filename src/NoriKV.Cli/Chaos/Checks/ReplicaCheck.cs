using System.Text;
using NoriKV.Cli.Chaos.Nodes;
using NoriKV.Client;
using NoriKV.Types;

namespace NoriKV.Cli.Chaos.Checks;

/// <summary>
/// Compares what each node answers from its own replicas, once all have applied the same; and that with what was sealed.
/// </summary>
internal sealed class ReplicaCheck(ChaosCluster cluster, ChaosReport report, TimeProvider time)
{
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(100);

    /// <summary>Waits for equal indexes, then compares.</summary>
    public async Task RunAsync(TimeSpan bound, SealedValues values, CancellationToken cancellationToken)
    {
        long begun = time.GetTimestamp();
        while (await DifferenceAsync(cancellationToken).ConfigureAwait(false) is { } words)
        {
            if (time.GetElapsedTime(begun) > bound)
            {
                report.Violate("replicas_equal", $"{words}, {bound.TotalSeconds:0} s after the last write");
                return;
            }

            await Task.Delay(Look, time, cancellationToken).ConfigureAwait(false);
        }

        Dictionary<string, string>? first = null;
        foreach (ChaosNode node in cluster.Nodes)
        {
            Dictionary<string, string>? pairs = await PairsAsync(node, bound, cancellationToken).ConfigureAwait(false);
            if (pairs is null) continue;
            if (values.FindWrong(pairs) is { } wrong) report.Violate("acknowledged_stays", $"{node.Name}: {wrong}");
            if (first is null) first = pairs;
            else Compare(first, pairs, node);
        }
    }

    // Null when every replica has applied what any has committed.
    private async Task<string?> DifferenceAsync(CancellationToken cancellationToken)
    {
        var highest = new Dictionary<int, long>();
        var sights = new List<(ChaosNode Node, NodeSight Sight)>();
        foreach (ChaosNode node in cluster.Nodes)
        {
            NodeSight? sight = await cluster.SightAsync(node, cancellationToken).ConfigureAwait(false);
            if (sight is null) return $"{node.Name} does not answer";
            sights.Add((node, sight));
            foreach ((int shard, ReplicaState r) in sight.Replicas) highest[shard] = Math.Max(highest.GetValueOrDefault(shard), r.Commit);
        }

        foreach ((ChaosNode node, NodeSight sight) in sights)
        {
            foreach ((int shard, ReplicaState r) in sight.Replicas)
            {
                if (r.Applied < highest[shard])
                    return $"shard {shard} of {node.Name} has applied {r.Applied} of {highest[shard]}";
            }
        }

        return null;
    }

    private void Compare(Dictionary<string, string> one, Dictionary<string, string> other, ChaosNode node)
    {
        string[] differ =
        [
            .. one.Keys.Union(other.Keys).Where(k => one.GetValueOrDefault(k) != other.GetValueOrDefault(k))
                .Order(StringComparer.Ordinal),
        ];
        if (differ.Length == 0) return;
        string key = differ[0];
        report.Violate(
            "replicas_equal",
            $"{differ.Length} keys differ between {cluster.Nodes[0].Name} and {node.Name}, the first is {key}: "
            + $"{one.GetValueOrDefault(key, "missing")} and {other.GetValueOrDefault(key, "missing")}");
    }

    private async Task<Dictionary<string, string>?> PairsAsync(ChaosNode node, TimeSpan bound, CancellationToken cancellationToken)
    {
        NoriKVClient client = NoriKVClient.Connect(new NoriKVClientOptions
        {
            Addresses = [$"{node.Real}"], SmartRouting = false, Deadline = bound,
        });
        await using (client.ConfigureAwait(false))
        {
            try
            {
                var pairs = new Dictionary<string, string>(StringComparer.Ordinal);
                var scan = new ScanOptions { Read = new ReadOptions { Consistency = Consistency.StaleOk } };
                await foreach (KvPair pair in client.ScanAsync(scan, cancellationToken).ConfigureAwait(false))
                    pairs[Encoding.UTF8.GetString(pair.Key.Span)] = Encoding.UTF8.GetString(pair.Value.Span);
                return pairs;
            }
            catch (NoriKVException e)
            {
                report.Violate("liveness", $"{node.Name} cannot be scanned: {e.Message}");
                return null;
            }
        }
    }
}
