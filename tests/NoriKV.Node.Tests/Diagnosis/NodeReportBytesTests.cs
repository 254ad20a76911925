using Nori.Core;
using NoriKV.Node.Diagnosis;
using NoriKV.Types;

namespace NoriKV.Node.Tests.Diagnosis;

/// <summary>What nodes say of themselves, as bytes.</summary>
public sealed class NodeReportBytesTests
{
    [Fact]
    public void A_report_comes_back_as_it_was_written()
    {
        foreach (NodeReport report in new[] { Full(), new NodeReport() })
        {
            NodeReport read = NodeReportBytes.TryDecode(NodeReportBytes.Encode(report))!;
            Assert.Equal(report.Unheard, read.Unheard);
            Assert.Equal(report.Replicas, read.Replicas);
            Assert.Equal(report.Silent, read.Silent);
            Assert.Equal(report.Moves, read.Moves);
            Assert.Equal(
                report with { Unheard = read.Unheard, Replicas = read.Replicas, Silent = read.Silent, Moves = read.Moves }, read);
        }
    }

    [Fact]
    public void Long_words_are_cut_and_stay_readable()
    {
        NodeReport? read = NodeReportBytes.TryDecode(NodeReportBytes.Encode(Full() with { NotReady = new string('ü', 4000) }));
        Assert.Equal(161, read!.NotReady.Length);
        Assert.EndsWith("ü…", read.NotReady, StringComparison.Ordinal);
    }

    [Fact]
    public void Changed_bytes_are_another_report_or_none_and_never_more()
    {
        byte[] whole = NodeReportBytes.Encode(Full());
        for (ulong seed = 1; seed <= 3000; seed++)
        {
            var random = new Prng(seed);
            byte[] changed = [.. whole];
            for (int i = 0; i <= random.NextInt(3); i++) changed[random.NextInt(changed.Length)] = (byte)random.NextInt(256);
            if (random.NextInt(4) == 0) changed = changed[..random.NextInt(changed.Length)];
            NodeReport? read = NodeReportBytes.TryDecode(changed);
            Assert.True(read is null || read.Replicas.Count <= changed.Length, $"seed {seed}");
        }
    }

    private static NodeReport Full() => new()
    {
        Node = new NodeNumber(7), Version = "1.2.3+abc", BootEpoch = 4, UptimeMs = 123_456, NotReady = "The log failed", StallMs = 9,
        IsDiskWell = false, DiskFull = "full", FreeBytes = 0, ReserveBytes = 64 << 20, Syncs = 900, SyncP99Us = 1500, SyncMaxUs = 99_000,
        ClockLeadMs = -77, CertificateEndsMs = 1_800_000_000_000, UnixMs = 1_700_000_000_000, BacklogBytes = 5, BacklogBytesMax = 6,
        Unheard = [new NodeNumber(2), new NodeNumber(9)],
        Replicas =
        [
            new ReplicaReport(new ShardId(0), true, false, new NodeNumber(7), new Term(3), new LogIndex(88), ""),
            new ReplicaReport(new ShardId(1023), false, true, default, new Term(2), new LogIndex(1), "an entry of kind 99"),
        ],
        LeadsMeta = true, Silent = [(new NodeNumber(2), 61_000)],
        Moves = [new MoveReport(new ShardId(5), "to node 3 (replica 12)", 42)], ReplicationFactor = 5, EffectiveFactor = 3,
        DeadAfterMs = 600_000,
    };
}
