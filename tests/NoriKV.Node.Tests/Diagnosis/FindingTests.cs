using NoriKV.Node.Diagnosis;
using NoriKV.Node.Meta;
using NoriKV.Types;

namespace NoriKV.Node.Tests.Diagnosis;

/// <summary>The rules of the doctor, as values: three nodes n1 to n3, four shards and the meta group on all of them.</summary>
public sealed class FindingTests
{
    private const int Shards = 4;

    [Fact]
    public void A_cluster_in_which_all_is_well_has_no_findings() => Assert.Empty(Diagnoser.Find(Input(Report(1), Report(2), Report(3))));

    [Fact]
    public void One_missing_node_is_named_and_so_are_the_shards_with_less_in_reserve()
    {
        DiagnosisInput input = Input(Report(1), Report(2));
        input.AddFailure(new NodeNumber(3), "there is no connection to it");
        Assert.Equal([FindingIds.NodeUnreachable, FindingIds.UnderReplicated], Ids(input));
        Finding thin = Diagnoser.Find(input)[1];
        Assert.Equal("4 shards have 2 of 3 voters: the next failure stops them", thin.What);
        Assert.Equal("shards 0–3; missing on n3", thin.Evidence);
        Assert.Contains("norikv cluster replace", thin.Advice, StringComparison.Ordinal);
    }

    [Fact]
    public void Silence_for_long_is_a_death_with_the_time_of_what_happens_by_itself()
    {
        DiagnosisInput input = Input(
            Report(1) with { Silent = [(new NodeNumber(3), 90_000)], DeadAfterMs = 600_000 }, Report(2));
        input.AddFailure(new NodeNumber(3), "no answer within 2.0 s");
        Finding dead = Diagnoser.Find(input).Single(static f => f.Id == FindingIds.NodeDead);
        Assert.Equal("n3", dead.Node);
        Assert.Equal("1 min 30 s without a heartbeat to the meta leader; no answer within 2.0 s (n3:7447)", dead.Evidence);
        Assert.Contains("after 10 min 0 s others take its replicas", dead.Advice, StringComparison.Ordinal);
        Assert.DoesNotContain(FindingIds.NodeUnreachable, Ids(input));
    }

    [Fact]
    public void Without_a_majority_the_missing_nodes_are_the_reason()
    {
        DiagnosisInput input = Input(Follower(Report(1)));
        input.AddFailure(new NodeNumber(2), "there is no connection to it");
        input.AddFailure(new NodeNumber(3), "there is no connection to it");
        IReadOnlyList<Finding> findings = Diagnoser.Find(input);
        Finding lost = findings.Single(static f => f.Id == FindingIds.NoQuorum);
        Assert.Equal(FindingSeverity.Critical, lost.Severity);
        Assert.Equal("4 shards and the meta group have no majority: writes and linearizable reads wait", lost.What);
        Assert.Equal("shards 0–3 and the meta group: 2 of 3 voters must take part, and those on n2, n3 do not", lost.Evidence);
        Assert.Contains("norikv recover", lost.Advice, StringComparison.Ordinal);
        Assert.Contains("n1 takes part", findings.Single(static f => f.Id == FindingIds.NoMetaLeader).Evidence, StringComparison.Ordinal);
        Assert.DoesNotContain(FindingIds.NoLeader, findings.Select(static f => f.Id));
    }

    [Fact]
    public void A_majority_without_a_leader_is_another_thing_than_no_majority()
    {
        DiagnosisInput input = Input(Follower(Report(1)), Report(2), Report(3));
        IReadOnlyList<Finding> findings = Diagnoser.Find(input);
        Assert.Equal([FindingIds.NoLeader, FindingIds.NoMetaLeader], findings.Select(static f => f.Id));
        Assert.Equal("shards 0–3", findings[0].Evidence);
    }

    [Fact]
    public void Replicas_that_are_stopped_or_damaged_do_not_count_for_a_majority()
    {
        DiagnosisInput input = Input(
            Follower(Report(1)),
            With(Report(2), r => r with { Stopped = "entry 7 has kind 99" }),
            With(Report(3), r => r with { IsDamaged = true }));
        IReadOnlyList<Finding> findings = Diagnoser.Find(input);
        Finding lost = findings.Single(static f => f.Id == FindingIds.NoQuorum);
        Assert.Contains("those on n2, n3 do not", lost.Evidence, StringComparison.Ordinal);
        Assert.Equal(
            "shards 0–3 and the meta group: entry 7 has kind 99",
            findings.Single(static f => f.Id == FindingIds.ReplicaStopped).Evidence);
        Assert.Equal("n3", findings.Single(static f => f.Id == FindingIds.ReplicaDamaged).Node);
    }

    [Fact]
    public void Of_two_that_think_they_lead_the_later_term_does_and_lag_is_counted_against_it()
    {
        NodeReport old = With(Report(1), static r => r with { Last = new LogIndex(100) });
        NodeReport now = With(Report(2), static r => r with { IsLeader = true, Term = new Term(9), Last = new LogIndex(50_100) }) with
        {
            LeadsMeta = true, EffectiveFactor = 3, ReplicationFactor = 3,
        };
        NodeReport level = With(Report(3), static r => r with { Last = new LogIndex(50_000) });
        Finding lag = Assert.Single(Diagnoser.Find(Input(old, now, level)));
        Assert.Equal((FindingIds.ReplicaLagging, "n1"), (lag.Id, lag.Node));
        Assert.Contains("most in shard 0: 50,000 entries", lag.Evidence, StringComparison.Ordinal);
    }

    [Fact]
    public void Of_a_node_that_stopped_it_is_not_said_that_its_disk_does_not_answer()
    {
        NodeReport stopped = Report(2) with { NotReady = "Node 3 remembers more", IsDiskWell = false, StallMs = 1700 };
        string[] found = [.. Diagnoser.Find(Input(Report(1), stopped, Report(3))).Select(static f => f.Id)];
        Assert.Contains(FindingIds.NodeStopped, found);
        Assert.DoesNotContain(FindingIds.DiskStalled, found);
    }

    [Theory]
    [InlineData(FindingIds.NodeStopped)]
    [InlineData(FindingIds.DiskStalled)]
    [InlineData(FindingIds.DiskSlow)]
    [InlineData(FindingIds.DiskFull)]
    [InlineData(FindingIds.DiskNearlyFull)]
    [InlineData(FindingIds.ClockGap)]
    [InlineData(FindingIds.CertificateEnds)]
    [InlineData(FindingIds.ApplyBehind)]
    [InlineData(FindingIds.LinkDown)]
    [InlineData(FindingIds.VersionSkew)]
    public void What_a_node_says_of_itself_is_its_own_finding(string id)
    {
        NodeReport ill = id switch
        {
            FindingIds.NodeStopped => Report(2) with { NotReady = "The log failed: errno 5" },
            FindingIds.DiskStalled => Report(2) with { IsDiskWell = false, StallMs = 1700 },
            FindingIds.DiskSlow => Report(2) with { Syncs = 300, SyncP99Us = 250_000, SyncMaxUs = 900_000 },
            FindingIds.DiskFull => Report(2) with { DiskFull = "12 bytes are left" },
            FindingIds.DiskNearlyFull => Report(2) with { FreeBytes = 200 << 20 },
            FindingIds.ClockGap => Report(2) with { ClockLeadMs = -300 },
            FindingIds.CertificateEnds => Report(2) with { CertificateEndsMs = 1_000_000_000_000 + (5 * 86_400_000L) },
            FindingIds.ApplyBehind => Report(2) with { BacklogBytes = 40 << 20 },
            FindingIds.LinkDown => Report(2) with { Unheard = [new NodeNumber(3)] },
            _ => Report(2) with { Version = "9.9.9" },
        };
        Finding found = Diagnoser.Find(Input(Report(1), ill, Report(3))).First(f => f.Id == id);
        Assert.Equal(id == FindingIds.VersionSkew ? "" : "n2", found.Node);
        Assert.NotEmpty(found.Evidence);
        Assert.NotEmpty(found.Advice);
    }

    [Fact]
    public void Thresholds_are_not_findings_and_what_is_worse_is_graver()
    {
        NodeReport fine = Report(2) with
        {
            Syncs = 300, SyncP99Us = 90_000, ClockLeadMs = 100, FreeBytes = 300 << 20, BacklogBytes = 30 << 20,
            CertificateEndsMs = 1_000_000_000_000 + (30 * 86_400_000L),
        };
        Assert.Empty(Diagnoser.Find(Input(Report(1), fine, Report(3))));
        // Of a few syncs one in a hundred says nothing.
        Assert.Empty(Diagnoser.Find(Input(Report(1), Report(2) with { Syncs = 5, SyncP99Us = 250_000 }, Report(3))));
        NodeReport far = Report(2) with { ClockLeadMs = 700 };
        Assert.Equal(FindingSeverity.Critical, Diagnoser.Find(Input(Report(1), far, Report(3)))[0].Severity);
        NodeReport ended = Report(2) with { CertificateEndsMs = 999_999_000_000 };
        Assert.Equal(
            ("The certificate of n2 has ended", FindingSeverity.Critical),
            (Diagnoser.Find(Input(Report(1), ended, Report(3)))[0].What, Diagnoser.Find(Input(Report(1), ended, Report(3)))[0].Severity));
    }

    [Fact]
    public void What_the_registry_knows_is_told_too()
    {
        ClusterMap map = Map() with { Nodes = [.. Map().Nodes, Node(4) with { State = RegisteredState.Draining }] };
        NodeReport meta = Report(1) with
        {
            ReplicationFactor = 5, Moves = [new MoveReport(new ShardId(2), "to node 4 (replica 99)", 400_000)],
        };
        IReadOnlyList<Finding> findings = Diagnoser.Find(Input(map, meta, Report(2), Report(3), Report(4) with { Replicas = [] }));
        Assert.Equal([FindingIds.MoveStuck, FindingIds.FewNodes, FindingIds.NodeDrained], findings.Select(static f => f.Id));
        Assert.Equal("to node 4 (replica 99), for 6 min 40 s", findings[0].Evidence);
        Assert.All(findings.Skip(1), static f => Assert.Equal(FindingSeverity.Info, f.Severity));
    }

    [Fact]
    public void Many_shards_are_told_as_ranges_and_cut()
    {
        ShardId[] odd = [.. Enumerable.Range(0, 40).Select(static i => new ShardId((uint)i * 3))];
        Assert.Equal("shards 0, 3, 6, 9, 12, 15, 18, 21 and 32 more", FindingWords.Shards(odd, new ShardId(1024)));
        Assert.Equal("the meta group", FindingWords.Shards([new ShardId(4)], new ShardId(4)));
        Assert.Equal("shard 7", FindingWords.Shards([new ShardId(7)], new ShardId(1024)));
    }

    private static DiagnosisInput Input(params NodeReport[] reports) => Input(Map(), reports);

    private static DiagnosisInput Input(ClusterMap map, params NodeReport[] reports)
    {
        var input = new DiagnosisInput { Map = map, MetaShard = new ShardId(Shards) };
        foreach (NodeReport report in reports) input.Add(report);
        return input;
    }

    private static IEnumerable<string> Ids(DiagnosisInput input) => Diagnoser.Find(input).Select(static f => f.Id);

    private static ClusterMap Map() => new()
    {
        Revision = 5,
        Nodes = [Node(1), Node(2), Node(3)],
        Shards = [.. Enumerable.Range(0, Shards + 1).Select(static s => (IReadOnlyList<PlannedReplica>)
            [.. Enumerable.Range(1, 3).Select(n =>
                new PlannedReplica(new ReplicaId((ulong)((s * 8) + n)), new NodeNumber((ulong)n), false))])],
    };

    private static RegisteredNode Node(ulong number) => new(
        new NodeNumber(number), $"n{number}", Guid.Empty, $"n{number}:7447", "", RegisteredState.Active, 0);

    // n1 leads everything.
    private static NodeReport Report(ulong number) => new()
    {
        Node = new NodeNumber(number),
        Version = "1.0",
        FreeBytes = 100L << 30,
        ReserveBytes = 64 << 20,
        UnixMs = 1_000_000_000_000,
        BacklogBytesMax = 64 << 20,
        LeadsMeta = number == 1,
        ReplicationFactor = number == 1 ? 3 : 0,
        EffectiveFactor = number == 1 ? 3 : 0,
        Replicas = [.. Enumerable.Range(0, Shards + 1).Select(s => new ReplicaReport(
            new ShardId((uint)s), number == 1, false, new NodeNumber(1), new Term(3), new LogIndex(100), ""))],
    };

    private static NodeReport Follower(NodeReport report) =>
        With(report, static r => r with { IsLeader = false, Leader = default }) with { LeadsMeta = false };

    private static NodeReport With(NodeReport report, Func<ReplicaReport, ReplicaReport> change) =>
        report with { Replicas = [.. report.Replicas.Select(change)] };
}
