using Nori.IO;
using NoriKV.Types;
using static NoriKV.Node.Tests.SteppedNode;

namespace NoriKV.Node.Tests.Replication;

/// <summary>Who may vote without keeping silent first: only replicas that no process ran before (decision 0168).</summary>
public sealed class FirstLifeTests
{
    [Fact]
    public async Task A_replica_has_its_first_life_in_the_process_that_founded_the_directory_and_never_again()
    {
        var files = new MemoryFileSystem(1);
        Assert.All(await LivesAsync(files), Assert.True);
        // Nothing was voted for and nothing written: log and terms are as empty as before, and it is another process.
        Assert.All(await LivesAsync(files), Assert.False);
    }

    private static async Task<bool[]> LivesAsync(IFileSystem files)
    {
        NodeParts parts = await new NodeStarter(Options(files)).OpenAsync(CancellationToken.None);
        bool[] lives = [.. parts.Groups.Select(static g => g.State.IsFirstLife)];
        Assert.Equal(9, lives.Length); // eight shards and the registry
        await parts.Storage.DisposeAsync();
        parts.Log.Dispose();
        parts.Directory.Dispose();
        return lives;
    }

    private static NodeOptions Options(IFileSystem files) => new()
    {
        NodeName = "n1",
        DataDirectory = Data,
        FileSystem = files,
        TotalShards = 8,
        LogSegmentBytes = 4 << 20,
        MemtableBytes = 4 << 20,
        BlockCacheBytes = 4 << 20,
        DiskReserveBytes = 0,
        RunLoops = false,
        Plan = new ClusterPlan
        {
            Self = new NodeNumber(1),
            ClusterId = new Guid("00000000-0000-4000-8000-000000000002"),
            Nodes = [.. Enumerable.Range(1, 3).Select(static n => new PlannedNode(new NodeNumber((ulong)n), $"n{n}", $"n{n}:1"))],
            Replicas = static shard => [.. Enumerable.Range(1, 3).Select(n => new PlannedReplica(
                new ReplicaId((shard.Value * 8) + (ulong)n), new NodeNumber((ulong)n), false))],
        },
    };
}
