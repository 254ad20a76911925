using System.Globalization;
using NoriKV.Client;
using NoriKV.Cluster.Bench.Load;
using NoriKV.Placement;
using NoriKV.Types;

namespace NoriKV.Cluster.Bench.Clusters;

/// <summary>Three servers as `norikv server` starts them, with their defaults.</summary>
internal sealed class NoriCluster : PeerCluster
{
    private NoriCluster(IReadOnlyList<string> addresses)
    {
        Addresses = addresses;
        Client = NoriKVClient.Connect([.. addresses]);
    }

    public override string Name => "NoriKV";

    public override (string Put, string Get) Methods => ("/norikv.v1.Kv/Put", "/norikv.v1.Kv/Get");

    public IReadOnlyList<string> Addresses { get; }

    /// <summary>For questions beside the measured load.</summary>
    public NoriKVClient Client { get; }

    public static async Task<NoriCluster> StartAsync(
        string server, string directory, int shards, CancellationToken cancellationToken)
    {
        int[] ports = Ports.Free(6);
        string[] addresses = [.. ports[..3].Select(static port => $"127.0.0.1:{port}")];
        var cluster = new NoriCluster(addresses);
        try
        {
            for (int i = 0; i < 3; i++)
            {
                cluster.Nodes.Add(Child.Start(
                    [
                        "dotnet", server, "server", "--node-id", $"n{i + 1}", "--rpc-addr", addresses[i],
                        "--http-addr", $"127.0.0.1:{ports[3 + i]}", "--data-dir", Path.Combine(directory, $"n{i + 1}"),
                        "--total-shards", shards.ToString(CultureInfo.InvariantCulture),
                        "--seed-nodes", string.Join(',', addresses), "--bootstrap-expect", "3",
                    ],
                    "ready "));
            }

            foreach (Child node in cluster.Nodes) await node.Ready.WaitAsync(TimeSpan.FromMinutes(1), cancellationToken);
            await UntilAsync(() => cluster.IsLedAsync(cancellationToken), "each shard has a leader", cancellationToken);
            return cluster;
        }
        catch
        {
            cluster.Dispose();
            throw;
        }
    }

    public override async Task<string> LeaderAsync(CancellationToken cancellationToken)
    {
        string? address = null;
        // A view may come between a leader's end and the word of the next one, this one as well.
        await UntilAsync(
            async () =>
            {
                ClusterView view = await Client.GetClusterViewAsync(cancellationToken);
                ShardId shard = KeyHash.Shard(Payload.Key, view.TotalShards, view.HashTags);
                string? leader = view.Shards.ElementAtOrDefault((int)shard.Value)?
                    .Replicas.FirstOrDefault(static replica => replica.IsLeader)?.NodeId;
                address = view.Nodes.FirstOrDefault(node => node.Id == leader)?.Address;
                return !string.IsNullOrEmpty(address);
            },
            "the measured key has a leader",
            cancellationToken);
        return address!;
    }

    public override async Task<long> WritesAsync(CancellationToken cancellationToken) =>
        (long)(await Client.GetAsync(Payload.Key, cancellationToken: cancellationToken)).Version.Index;

    public override void Dispose()
    {
        base.Dispose();
        Client.DisposeAsync().AsTask().GetAwaiter().GetResult();
    }

    private async Task<bool> IsLedAsync(CancellationToken cancellationToken)
    {
        ClusterView view = await Client.GetClusterViewAsync(cancellationToken);
        return view.Shards.Count == view.TotalShards && view.Shards.All(static shard => shard.Replicas.Any(static r => r.IsLeader));
    }
}
