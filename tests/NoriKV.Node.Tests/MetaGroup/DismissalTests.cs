using NoriKV.Node.Diagnosis;
using NoriKV.Node.Meta;
using NoriKV.Types;
using static NoriKV.Node.Tests.SteppedNode;

namespace NoriKV.Node.Tests.MetaGroup;

/// <summary>A node that is no member any more and still runs.</summary>
public sealed class DismissalTests
{
    [Fact]
    public void A_decommissioned_node_that_runs_on_says_so_at_once_whatever_it_is_asked()
    {
        var cluster = new GrowingCluster();
        for (int node = 2; node <= 4; node++) cluster.Join(node);
        cluster.AwaitLevel(3);
        cluster.Ask(n => n.Admin.DrainAsync("n4", null, cluster.Context(3000)));
        cluster.RunUntil(() => cluster.ReplicasOn(4) == 0 && cluster.Nodes[4].Log.Group(cluster.Meta) is null, "n4 is empty");
        Assert.Null(cluster.Nodes[4].CannotServeReason);
        cluster.Ask(n => n.Admin.DecommissionAsync("n4", cluster.Context(3000)));
        cluster.RunUntil(() => cluster.Nodes[4].CannotServeReason is not null, "n4 knows");
        AssertSaysSo(cluster, cluster.Nodes[4]);

        // What it has heard it has written down: nobody need tell it again.
        cluster.Run(2000);
        cluster.Crash(4);
        cluster.Start(4);
        AssertSaysSo(cluster, cluster.Nodes[4]);
        Assert.All(cluster.Nodes.Where(static n => n.Key < 4), static n => Assert.Null(n.Value.CannotServeReason));
    }

    [Fact]
    public void A_wish_that_was_sent_on_and_whose_answer_is_lost_may_have_been_done()
    {
        GrowingCluster cluster = GrowingCluster.Of(4);
        cluster.Ask(n => n.Admin.DrainAsync("n4", null, cluster.Context(3000)));
        cluster.RunUntil(() => cluster.ReplicasOn(4) == 0 && cluster.Nodes[4].Log.Group(cluster.Meta) is null, "n4 is empty");
        NoriNode gone = cluster.Nodes[4];

        // Nothing comes back to it any more, as when its peers hang up before they answer.
        cluster.Network.Loses = static (_, to) => to.Value == 4;
        Task<KvResult<ClusterStatus>> wish = gone.Admin.DecommissionAsync("n4", cluster.Context(10_000)).AsTask();
        cluster.RunUntil(
            () => cluster.Nodes[1].Table.Current.Nodes.Any(static n => n is { Name: "n4", State: RegisteredState.Decommissioned }),
            "n4 is decommissioned");
        Assert.False(wish.IsCompleted);
        gone.NoteDismissed(new Dismissal(cluster.Nodes[1].Table.Current.Revision, RegisteredState.Decommissioned));
        KvError unknown = cluster.Await(wish).Error!;
        Assert.Equal(KvCode.CommitTimeout, unknown.Code);
        AssertWords(unknown.Message);
        Assert.Contains("may have been done", unknown.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("was not done", unknown.Message, StringComparison.Ordinal);

        // Where nothing was sent nothing was done.
        KvError never = cluster.Await(gone.Admin.DecommissionAsync("n4", cluster.Context(3000)).AsTask()).Error!;
        Assert.Equal(KvCode.Unavailable, never.Code);
        Assert.Contains("was not done", never.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_wish_that_nobody_answers_in_time_may_have_been_done_and_a_question_changes_nothing()
    {
        GrowingCluster cluster = GrowingCluster.Of(4);
        cluster.Network.Loses = static (_, to) => to.Value == 4;
        KvError wish = cluster.Await(cluster.Nodes[4].Admin.UndrainAsync("n4", cluster.Context(3000)).AsTask()).Error!;
        Assert.Equal(KvCode.CommitTimeout, wish.Code);
        Assert.Contains("may have been done", wish.Message, StringComparison.Ordinal);
        KvError question = cluster.Await(cluster.Nodes[4].Admin.StatusAsync(cluster.Context(3000)).AsTask()).Error!;
        Assert.Equal(KvCode.Unavailable, question.Code);
    }

    [Fact]
    public void A_peer_is_believed_only_where_it_knows_more()
    {
        NoriNode node = new GrowingCluster().Nodes[1];
        ulong revision = node.Table.Current.Revision;
        node.NoteDismissed(new Dismissal(revision, RegisteredState.Decommissioned));
        Assert.Null(node.CannotServeReason);
        node.NoteDismissed(new Dismissal(revision + 1, RegisteredState.Replaced));
        Assert.Contains("n1 was replaced", node.CannotServeReason, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(RegisteredState.Active, 4, 4, false)]
    [InlineData(RegisteredState.Draining, 4, 4, false)]
    [InlineData(RegisteredState.Decommissioned, 4, 4, true)]
    [InlineData(RegisteredState.Replaced, 4, 4, true)]
    [InlineData(RegisteredState.Decommissioned, 4, 5, false)]
    [InlineData(RegisteredState.Decommissioned, 0, 5, true)]
    [InlineData(null, 4, 4, false)]
    public void A_map_dismisses_a_node_on_the_store_that_it_knew(RegisteredState? state, int known, int own, bool isDismissed)
    {
        var node = new NodeNumber(4);
        var map = new ClusterMap
        {
            Revision = 9,
            Nodes = state is { } s ? [new RegisteredNode(node, "n4", StoreOf(known), "", "", s, 0)] : [],
        };
        Dismissal? expected = isDismissed ? new Dismissal(9, state!.Value) : null;
        Assert.Equal(expected, Dismissal.Of(map, node, StoreOf(own)));
    }

    private static Guid StoreOf(int node) => node == 0 ? Guid.Empty : GrowingCluster.StoreOf(node);

    // Nothing is stepped: what is not answered at once is not answered.
    private static void AssertSaysSo(GrowingCluster cluster, NoriNode gone)
    {
        AssertWords(gone.CannotServeReason);
        Assert.Equal(HealthStatus.Unhealthy, gone.Health.Status);
        AssertWords(Assert.Single(gone.Health.Reasons));
        RequestContext context = cluster.Context(5000);
        AssertRefuses(gone.PutAsync(Bytes("k"), Bytes("v"), new PutOptions(), context));
        AssertRefuses(gone.DeleteAsync(Bytes("k"), new DeleteOptions(), context));
        AssertRefuses(gone.GetAsync(Bytes("k"), ReadOptions.Default, context));
        AssertRefuses(gone.GetAsync(Bytes("k"), new ReadOptions { Consistency = Consistency.StaleOk }, context));
        AssertRefuses(gone.BatchAsync([BatchOperation.Get(Bytes("k"))], new BatchOptions(), context));
        AssertRefuses(gone.ScanAsync(new ScanOptions(), 10, 1000, context));
        AssertRefuses(gone.TransferShardAsync(new ShardId(0), "n1", context));
        AssertRefuses(gone.Admin.StatusAsync(context));
        AssertRefuses(gone.Admin.DrainAsync("n1", null, context));
        Task<JoinReply> join = gone.JoinAsync(
            new JoinRequest
            {
                Name = "n9", StoreUuid = StoreOf(9), Address = "n9:7447", Zone = "", TotalShards = 8, ProtocolMin = 1, ProtocolMax = 1,
            },
            context).AsTask();
        Assert.True(join.IsCompleted);
        Assert.True(join.Result.MayRetry);
        AssertWords(join.Result.Refusal);

        Task<KvResult<ClusterDiagnosis>> diagnosis = gone.DiagnoseAsync(context).AsTask();
        Assert.True(diagnosis.IsCompleted);
        Finding finding = Assert.Single(diagnosis.Result.Value.Findings);
        Assert.Equal((FindingIds.NodeGone, "n4"), (finding.Id, finding.Node));
        AssertWords(finding.Evidence);

        // Who watches gets the last view, in which others are named, and is sent away.
        IAsyncEnumerator<ClusterView> views = gone.WatchAsync(CancellationToken.None).GetAsyncEnumerator();
        Assert.True(views.MoveNextAsync().AsTask() is { IsCompleted: true, Result: true });
        Assert.Contains(views.Current.Nodes, static n => n.Id == "n1");
        Assert.True(views.MoveNextAsync().AsTask() is { IsCompleted: true, Result: false });
    }

    private static void AssertRefuses<T>(ValueTask<KvResult<T>> asked)
    {
        Task<KvResult<T>> call = asked.AsTask();
        Assert.True(call.IsCompleted);
        KvError error = call.Result.Error!;
        Assert.Equal(KvCode.Unavailable, error.Code);
        AssertWords(error.Message);
    }

    private static void AssertWords(string? words)
    {
        Assert.Contains("Node n4 was decommissioned", words, StringComparison.Ordinal);
        Assert.Contains("n1 at n1:7447", words, StringComparison.Ordinal);
        Assert.Contains("empty data directory", words, StringComparison.Ordinal);
    }
}
