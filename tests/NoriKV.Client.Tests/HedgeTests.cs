using NoriKV.Types;

namespace NoriKV.Client.Tests;

public sealed class HedgeTests
{
    private static readonly NoriKVClientOptions Hedging = new()
    {
        Deadline = TimeSpan.FromSeconds(60),
        HedgeReadsAfter = TimeSpan.FromMilliseconds(5),
        SilenceMax = Timeout.InfiniteTimeSpan,
    };

    [Fact]
    public async Task A_read_that_one_node_does_not_answer_is_answered_by_another()
    {
        await using var cluster = new ScriptedCluster(Hedging, "a:1", "b:2");
        cluster["a:1"].OnCall = static _ => null;
        for (int i = 0; i < 6; i++) Assert.True((await cluster.Client.GetAsync($"k{i}")).Found);
        Assert.NotEmpty(cluster["a:1"].Calls);
        Assert.Equal(6, cluster["b:2"].Calls.Count);
    }

    [Fact]
    public async Task Only_a_share_of_the_reads_is_sent_twice()
    {
        await using var cluster = new ScriptedCluster(
            Hedging with { HedgeShareMax = 0 }, "a:1", "b:2");
        using var giveUp = new CancellationTokenSource();
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(50));
        cluster["a:1"].OnCall = cluster["b:2"].OnCall = static _ => null;
        Task[] reads = [.. Enumerable.Range(0, 100).Select(i => cluster.Client.GetAsync($"k{i}", null, giveUp.Token).AsTask())];
        while (cluster["a:1"].Calls.Count + cluster["b:2"].Calls.Count < 110) await Task.Delay(5, patience.Token);
        await giveUp.CancelAsync();
        foreach (Task read in reads) await Assert.ThrowsAnyAsync<Exception>(() => read);
        // Ten may be saved up, and a share of nothing pays for no more.
        Assert.Equal(110, cluster["a:1"].Calls.Count + cluster["b:2"].Calls.Count);
    }

    [Fact]
    public async Task A_write_is_never_hedged()
    {
        await using var cluster = new ScriptedCluster(Hedging with { Deadline = TimeSpan.FromSeconds(3) }, "a:1", "b:2");
        cluster["a:1"].OnCall = cluster["b:2"].OnCall = static _ => null;
        await Assert.ThrowsAsync<OutcomeUnknownException>(async () => await cluster.Client.PutAsync("k", "v"));
        Assert.Equal(1, cluster["a:1"].Calls.Count + cluster["b:2"].Calls.Count);
    }

    [Fact]
    public async Task A_hedge_that_fails_leaves_the_read_to_the_first_node()
    {
        await using var cluster = new ScriptedCluster(Hedging with { Retry = RetryPolicy.None }, "a:1", "b:2");
        var asked = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        string firstAsked = "";
        foreach (string address in new[] { "a:1", "b:2" })
        {
            cluster[address].OnCall = _ =>
            {
                if (firstAsked.Length == 0)
                {
                    firstAsked = address;
                    return null;
                }

                asked.TrySetResult();
                return ScriptedTransport.Error(14, "NOT_LEADER");
            };
        }

        Task<GetResult> read = cluster.Client.GetAsync("k").AsTask();
        await asked.Task.WaitAsync(TimeSpan.FromSeconds(60));
        ScriptedTransport first = cluster[firstAsked];
        first.Pipes.Single().Answer(ScriptedTransport.Echo(first.Calls.Single()), first.Calls.Single().Id);
        Assert.True((await read.WaitAsync(TimeSpan.FromSeconds(60))).Found);
    }
}
