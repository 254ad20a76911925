using Nori.Fuzzing;
using NoriKV.Node.Machine;
using NoriKV.Node.Meta;
using NoriKV.Types;

namespace NoriKV.Node.Tests.MetaGroup;

/// <summary>Records and messages of the meta group: what is written is read, what is no such thing is refused.</summary>
public sealed class MetaBytesTests
{
    private static readonly RegisteredNode Node = new(
        new NodeNumber(7), "n7", new Guid("11111111-2222-4333-8444-555555555555"), "db7:7447", "a", RegisteredState.Draining, 99);

    private static readonly MetaShard Shard = new(
        new ShardId(3),
        [
            new(new ReplicaId(4), new NodeNumber(7), MetaRole.Voter), new(new ReplicaId(5), new NodeNumber(8), MetaRole.Leaving),
            new(new ReplicaId(600), new NodeNumber(9), MetaRole.Arriving),
        ]);

    private static readonly MetaSettings Settings = new(Node.StoreUuid, 1024, true, 5, 3, 5, 1);

    private static readonly ClusterMap Map = new()
    {
        Revision = 12,
        NextReplica = 700,
        Nodes = [Node],
        Shards = [MetaState.ToPlanned(Shard), [new(new ReplicaId(1), new NodeNumber(7), false)]],
    };

    private static readonly GroupReport Report = new(
        new ShardId(3), new Term(4), true, new NodeNumber(7), new LogIndex(55), false,
        [new(new ReplicaId(1), new NodeNumber(7)), new(new ReplicaId(2), new NodeNumber(8), MemberRole.Learner)]);

    [Fact]
    public void Records_are_read_as_they_were_written()
    {
        Assert.Equal(Settings, MetaRecords.TryDecodeSettings(MetaRecords.Encode(Settings)));
        var counters = new MetaCounters(8, 701, 3001);
        Assert.Equal(counters, MetaRecords.TryDecodeCounters(MetaRecords.Encode(counters)));
        Assert.Equal(Node, MetaRecords.TryDecodeNode(MetaRecords.NodeKey(Node.Number), MetaRecords.Encode(Node)));
        MetaShard shard = MetaRecords.TryDecodeShard(MetaRecords.ShardKey(Shard.Shard), MetaRecords.Encode(Shard))!;
        Assert.Equal(Shard.Shard, shard.Shard);
        Assert.Equal(Shard.Replicas, shard.Replicas);
    }

    [Fact]
    public void Layouts_are_as_documented()
    {
        Assert.Equal("030000000000000007", Convert.ToHexString(MetaRecords.NodeKey(new NodeNumber(7))));
        Assert.Equal("0400000003", Convert.ToHexString(MetaRecords.ShardKey(new ShardId(3))));
        Assert.Equal("0103040701050804D804" + "0903", Convert.ToHexString(MetaRecords.Encode(Shard)));
        Assert.Equal("0108BD05B917", Convert.ToHexString(MetaRecords.Encode(new MetaCounters(8, 701, 3001))));
        Assert.Equal(
            "01" + "11111111222243338444555555555555" + "8008" + "01" + "05" + "03" + "05" + "01",
            Convert.ToHexString(MetaRecords.Encode(Settings)));
    }

    [Fact]
    public void A_map_goes_forward_by_what_changed_and_never_back()
    {
        ClusterMap all = ClusterMapUpdate.TryApply(ClusterMap.Empty, ClusterMapUpdate.Encode(Map))!;
        Assert.Equal(Map.Nodes, all.Nodes);
        Assert.Equal(Map.Shards[0], all.Shards[0]);
        Assert.Equal((12UL, 700UL), (all.Revision, all.NextReplica));
        var state = new MetaState
        {
            Revision = 20,
            Settings = Settings,
            Counters = new MetaCounters(9, 800, 1),
            Nodes = [Node with { Address = "new:1" }],
            NodeVersions = [new KvVersion(2, 19)],
            Shards = [Shard, Shard],
            ShardVersions = [new KvVersion(1, 5), new KvVersion(2, 20)],
        };
        byte[] delta = ClusterMapUpdate.Encode(state, 12);
        ClusterMap later = ClusterMapUpdate.TryApply(all, delta)!;
        Assert.Equal("new:1", later.AddressOf(Node.Number));
        Assert.Same(all.Shards[0], later.Shards[0]);
        Assert.Equal(3, later.Shards[1].Count);
        Assert.Same(later, ClusterMapUpdate.TryApply(later, delta));
        // What is built on a revision that is not here does not fit.
        Assert.Null(ClusterMapUpdate.TryApply(all with { Revision = 11 }, delta));
    }

    [Fact]
    public void A_status_is_read_as_it_was_written()
    {
        var status = new ClusterStatus
        {
            ClusterId = Node.StoreUuid,
            TotalShards = 2,
            ReplicationFactor = 5,
            EffectiveReplicationFactor = 3,
            ClusterVersion = 1,
            MetaLeader = new NodeNumber(7),
            ViewEpoch = 9,
            MovesInFlight = 1,
            MovesWanted = 2,
            Nodes = [new NodeStatus(Node, 3, 1, true, 40)],
            Shards = [new ShardStatus(new ShardId(0), MetaState.ToPlanned(Shard), new NodeNumber(7), new Term(2), "to node 9")],
        };
        Assert.True(ClusterStatusBytes.TryDecode(ClusterStatusBytes.Encode(status), out KvResult<ClusterStatus> read));
        Assert.Equal(status.Nodes, read.Value.Nodes);
        Assert.Equal("to node 9", read.Value.Shards[0].Move);
        Assert.Equal(status with { Nodes = [], Shards = [] }, read.Value with { Nodes = [], Shards = [] });
        Assert.True(ClusterStatusBytes.TryDecode(
            ClusterStatusBytes.Encode(new KvError(KvCode.FailedPrecondition, "no")), out read));
        Assert.Equal("no", read.Error!.Message);
    }

    [Fact]
    public void No_bytes_break_a_decoder()
    {
        var heartbeat = new RegistryHeartbeat
        {
            BootEpoch = 3,
            StoreUuid = Node.StoreUuid,
            Address = "a:1",
            Zone = "z",
            Revision = 12,
            Epoch = 8,
            IsFull = true,
            Reports = [new LeaderReport(new ShardId(3), new Term(4), new NodeNumber(7))],
        };
        var view = new IssuedView(8, 12, [new NodeNumber(3)], [new NodeNumber(7), default]);
        var news = new RegistryNews
        {
            IsLeader = true,
            Term = new Term(4),
            Leader = new NodeNumber(7),
            Map = ClusterMapUpdate.Encode(Map),
            View = view.Encode(),
        };
        byte[][] valid =
        [
            MetaRecords.Encode(Settings), MetaRecords.Encode(Node), MetaRecords.Encode(Shard), heartbeat.Encode(),
            view.Encode(), news.Encode(), ClusterMapUpdate.Encode(Map), GroupReport.Encode([Report]),
            GroupCommand.EncodeChange(Report.Shard, Report.ConfigurationIndex, Report.Members),
            new AdminCommand(AdminCommandKind.Drain, "n1", "n2", new ShardId(3), 5).Encode(),
            JoinQuestion.Encode(new JoinRequest { Name = "n1", StoreUuid = Node.StoreUuid, Address = "a:1" }),
            RegistryFile.Encode(Map, 8),
        ];
        new Fuzzer("NoriKV.Node.Tests", "meta").Run(valid, static bytes =>
            MetaRecords.TryDecodeSettings(bytes) is not null
            | MetaRecords.TryDecodeNode(MetaRecords.NodeKey(new NodeNumber(1)), bytes) is not null
            | MetaRecords.TryDecodeShard(MetaRecords.ShardKey(new ShardId(1)), bytes) is not null
            | RegistryHeartbeat.TryDecode(bytes) is not null
            | IssuedView.TryDecode(bytes) is not null
            | RegistryNews.TryDecode(bytes) is not null
            | ClusterMapUpdate.TryApply(ClusterMap.Empty, bytes) is not null
            | GroupReport.TryDecode(bytes) is not null
            | GroupCommand.TryDecodeChange(bytes, out _, out _, out _)
            | AdminCommand.TryDecode(bytes) is not null
            | JoinQuestion.TryDecode(bytes) is not null
            | RegistryFile.TryDecode(bytes) is not null
            | ClusterStatusBytes.TryDecode(bytes, out _));
    }
}
