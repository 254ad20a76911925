using NoriKV.Client.Pipeline;
using NoriKV.Proto.V1;
using NoriKV.Types;

namespace NoriKV.Client.Tests;

/// <summary>Another cluster answers at an address.</summary>
public sealed class ClusterIdentityTests
{
    private static readonly NoriKVClientOptions Patient = new() { Deadline = TimeSpan.FromSeconds(60) };

    [Fact]
    public async Task A_node_of_another_cluster_is_refused_with_words_and_nothing_is_sent_to_it()
    {
        await using var cluster = new ScriptedCluster(Patient with { ClusterId = "mine" });
        cluster.Only.OnWatch = static token => ScriptedTransport.View(1, "theirs", ["a:1"], token);

        var view = await Assert.ThrowsAnyAsync<NoriKVException>(async () => await cluster.Client.GetClusterViewAsync());
        var put = await Assert.ThrowsAnyAsync<NoriKVException>(async () => await cluster.Client.PutAsync("k", "v"));

        foreach (NoriKVException e in new[] { view, put })
        {
            Assert.Equal(KvCode.FailedPrecondition, e.Code);
            Assert.Contains("a:1 is of cluster theirs", e.Message);
            Assert.Contains("mine", e.Message);
        }

        Assert.Empty(cluster.Only.Calls);
    }

    [Fact]
    public async Task The_cluster_seen_first_is_the_clients_and_a_later_one_at_the_same_address_is_not()
    {
        await using var cluster = new ScriptedCluster(Patient);
        cluster.Only.OnWatch = static token => ScriptedTransport.View(7, "first", ["a:1"], token);
        Assert.Equal("first", (await cluster.Client.GetClusterViewAsync()).ClusterId);
        await cluster.Client.PutAsync("k", "v");
        cluster.Only.OnWatch = static token => ScriptedTransport.View(9, "second", ["a:1"], token);
        var e = await Assert.ThrowsAnyAsync<NoriKVException>(async () =>
        {
            while (true) await cluster.Client.GetClusterViewAsync();
        });
        Assert.Contains("second", e.Message);
        Assert.Equal(KvCode.FailedPrecondition, (await Assert.ThrowsAnyAsync<NoriKVException>(
            async () => await cluster.Client.PutAsync("k", "v"))).Code);
    }

    [Fact]
    public async Task Of_addresses_of_two_clusters_only_one_cluster_is_used()
    {
        await using var cluster = new ScriptedCluster(Patient with { SmartRouting = false, ClusterId = "c" }, "a:1", "b:2");
        cluster["b:2"].OnCall = static _ => throw new Transport.RpcException(
            new KvError(KvCode.FailedPrecondition, "CLUSTER_MISMATCH: node b is of cluster d"), true);
        for (int i = 0; i < 20; i++) await cluster.Client.PutAsync($"k{i}", "v");
        Assert.Equal(20, cluster["a:1"].Calls.Count);
        Assert.Single(cluster["b:2"].Calls);
        Assert.Equal("c", Assert.Single(cluster["a:1"].OpenedFor));
    }

    [Fact]
    public async Task A_stream_opened_before_the_cluster_was_known_is_replaced_and_its_calls_are_still_answered()
    {
        await using var cluster = new ScriptedCluster(Patient);
        var known = new TaskCompletionSource();
        cluster.Only.OnWatch = token => WhenAsked(known, token);
        var first = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        cluster.Only.OnCall = call =>
        {
            first.TrySetResult();
            return cluster.Only.OpenedFor.Count == 1 ? null : ScriptedTransport.Echo(call);
        };
        Task<PutResult> early = cluster.Client.PutAsync("early", "v").AsTask();
        await first.Task;
        known.SetResult();
        await cluster.Client.GetClusterViewAsync();
        await cluster.Client.PutAsync("late", "v");
        Assert.Equal(["", "c"], cluster.Only.OpenedFor);
        cluster.Only.Pipes.First().Answer(ScriptedTransport.Echo(cluster.Only.Calls.First())!, cluster.Only.Calls.First().Id);
        Assert.True((await early.WaitAsync(TimeSpan.FromSeconds(60))).Version.IsPresent);
    }

    // It looked for a stream before the cluster was known, and comes to that one when it has just been ended.
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_call_that_comes_to_a_stream_that_is_being_replaced_is_tried_again(bool isSent)
    {
        var pipes = new ScriptedTransport("a:1") { OnCall = static _ => null };
        if (!isSent) pipes.Stands = new TaskCompletionSource().Task;
        await using var stream = new CallStream(pipes.OpenPipe(), "a:1", TimeProvider.System, 1 << 20, null);
        var call = new PendingCall(
            new StreamCall { Get = new GetRequest { Key = Google.Protobuf.ByteString.CopyFromUtf8("k") } }, long.MaxValue, 1);
        Assert.True(stream.TrySend(call));
        while (isSent && pipes.Calls.IsEmpty) await Task.Yield();
        await stream.RetireAsync();
        CallOutcome outcome = await call.Task;
        Assert.True(outcome.Failure!.IsRetriable);
        Assert.Equal((KvCode.Unavailable, isSent), (outcome.Failure.Error.Code, outcome.Failure.Reached));
        Assert.False(stream.TrySend(call));
    }

    private static async IAsyncEnumerable<Proto.V1.ClusterView> WhenAsked(
        TaskCompletionSource known, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken token)
    {
        await known.Task;
        await foreach (Proto.V1.ClusterView view in ScriptedTransport.View(1, "c", ["a:1"], token)) yield return view;
    }
}
