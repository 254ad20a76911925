using NoriKV.Node.Replication;
using NoriKV.Types;

namespace NoriKV.Node.Tests.Replication;

/// <summary>Whether the disks of a shard's voters can make writes durable.</summary>
public sealed class DiskMajorityTests
{
    [Theory]
    [InlineData("1 2 3", false, "2 3", true)]
    [InlineData("1 2 3", true, "2 3", true)]
    [InlineData("1 2 3", true, "2", false)]
    [InlineData("1 2 3", false, "3", true)]
    [InlineData("1 2 3", false, "", false)]
    [InlineData("2 3 4", true, "2 3", true)]
    [InlineData("2 3 4", false, "2", false)]
    [InlineData("1 2", false, "2", true)]
    [InlineData("1 2", true, "2", false)]
    [InlineData("1 2 3 4", false, "2", false)]
    [InlineData("1 2 L3 L4", true, "2 3 4", false)]
    [InlineData("1 2 L3 L4", false, "2", true)]
    [InlineData("", false, "", true)]
    [InlineData("", true, "2 3", false)]
    public void A_majority_of_voters_with_disks_that_answer_can_write(
        string replicas, bool isOwnStalled, string ablePeers, bool canWrite)
    {
        PlannedReplica[] planned =
        [
            .. replicas.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(static (r, i) =>
                new PlannedReplica(new ReplicaId((ulong)i + 1), new NodeNumber(ushort.Parse(r.TrimStart('L'))), r[0] == 'L')),
        ];
        Assert.Equal(canWrite, DiskMajority.CanWrite(planned, new NodeNumber(1), isOwnStalled, Numbers(ablePeers).Contains));
    }

    private static NodeNumber[] Numbers(string text) =>
        [.. text.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(static n => new NodeNumber(ushort.Parse(n)))];
}
