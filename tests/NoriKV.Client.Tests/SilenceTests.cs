using NoriKV.Proto.V1;
using NoriKV.Types;

namespace NoriKV.Client.Tests;

/// <summary>Nodes that take calls and say nothing: paused, cut off, or only slow to decide.</summary>
public sealed class SilenceTests
{
    private static readonly NoriKVClientOptions Impatient = new()
    {
        Deadline = TimeSpan.FromSeconds(60),
        SilenceMax = TimeSpan.FromMilliseconds(100),
    };

    [Fact]
    public async Task Calls_of_a_node_that_says_nothing_go_to_another_one()
    {
        await using var cluster = new ScriptedCluster(Impatient, "a:1", "b:2");
        Mute(cluster["a:1"]);

        PutResult[] results = await Task.WhenAll(
            Enumerable.Range(0, 20).Select(i => cluster.Client.PutAsync($"k{i}", "v").AsTask()));

        Assert.All(results, static r => Assert.True(r.Version.IsPresent));
        Assert.Equal(20, cluster["b:2"].Calls.Select(static c => c.Put.IdempotencyKey).Distinct().Count());
        Assert.NotEmpty(cluster["a:1"].Calls);
        // Its connection may be what swallows the bytes: the next one is new. It ends behind its calls, which are answered meanwhile.
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        while (!cluster["a:1"].IsDisposed) await Task.Delay(5, patience.Token);
    }

    [Fact]
    public async Task A_node_that_only_takes_its_time_is_waited_for()
    {
        await using var cluster = new ScriptedCluster(Impatient, "a:1", "b:2");
        var asked = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        int asks = 0;
        // Whichever it is sent to: the view may come later.
        ScriptedTransport[] nodes = [cluster["a:1"], cluster["b:2"]];
        foreach (ScriptedTransport node in nodes)
        {
            node.OnCall = static _ => null;
            node.OnIsServing = () =>
            {
                if (Interlocked.Increment(ref asks) == 3) asked.TrySetResult();
                return Task.FromResult(false); // an answer, whatever it says
            };
            node.OnWatch = static token => ScriptedTransport.View(1, "c", ["a:1"], token);
        }

        Task<PutResult> put = cluster.Client.PutAsync("k", "v").AsTask();
        await asked.Task.WaitAsync(TimeSpan.FromSeconds(60));
        Assert.False(put.IsCompleted);
        Assert.All(nodes, static node => Assert.False(node.IsDisposed));
    }

    [Fact]
    public async Task A_large_value_and_a_scan_leave_a_silent_node_too()
    {
        await using var cluster = new ScriptedCluster(Impatient, "a:1", "b:2");
        ScriptedTransport silent = cluster["a:1"];
        Mute(silent);
        silent.OnCallAlone = static token => Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, token);
        silent.OnScan = static (_, token) => Nothing(token);
        cluster["b:2"].OnScan = static (_, _) => Page();
        var put = cluster.Client.PutAsync(new byte[8], new byte[3 << 20]);
        Assert.True((await put).Version.IsPresent);
        for (int i = 0; i < 2; i++)
        {
            int pairs = 0;
            await foreach (KvPair pair in cluster.Client.ScanAsync(new ScanOptions())) pairs++;
            Assert.Equal(1, pairs);
        }
    }

    [Fact]
    public async Task The_watch_leaves_a_silent_node()
    {
        await using var cluster = new ScriptedCluster(Impatient, "a:1", "b:2");
        var watched = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        foreach (string address in new[] { "a:1", "b:2" })
        {
            string other = address == "a:1" ? "b:2" : "a:1";
            int watches = 0;
            ScriptedTransport node = cluster[address];
            node.OnWatch = token =>
            {
                // Whichever is watched first falls silent; then the other one is watched.
                if (Interlocked.Increment(ref watches) == 1 && cluster[other].Watches > 0) watched.TrySetResult();
                else Mute(node);
                return ScriptedTransport.View(1, "c", ["a:1", "b:2"], token);
            };
        }

        using var stop = new CancellationTokenSource();
        Task load = Task.Run(async () =>
        {
            for (int i = 0; !stop.IsCancellationRequested; i++) await cluster.Client.PutAsync($"k{i}", "v");
        });
        await watched.Task.WaitAsync(TimeSpan.FromSeconds(60));
        await stop.CancelAsync();
        await load.WaitAsync(TimeSpan.FromSeconds(60));
    }

    [Fact]
    public async Task A_deadline_holds_behind_a_pause_in_which_nothing_was_pending()
    {
        // The sweep falls asleep between two attempts: the second one must wake it.
        var options = new NoriKVClientOptions
        {
            Deadline = TimeSpan.FromSeconds(3),
            SilenceMax = Timeout.InfiniteTimeSpan,
            SmartRouting = false,
        };
        await using var cluster = new ScriptedCluster(options);
        int calls = 0;
        cluster.Only.OnCall = _ => ++calls == 1 ? ScriptedTransport.Error(8, "full", retryAfterMs: 200) : null;
        await Assert.ThrowsAsync<OutcomeUnknownException>(
            () => cluster.Client.PutAsync("k", "v").AsTask().WaitAsync(TimeSpan.FromSeconds(60)));
        Assert.Equal(2, cluster.Only.Calls.Count);
    }

    private static void Mute(ScriptedTransport node)
    {
        node.OnCall = static _ => null;
        node.OnIsServing = static () => throw new Transport.RpcException(
            new KvError(KvCode.CommitTimeout, "no answer"), true);
    }

    private static async IAsyncEnumerable<ScanResponse> Page()
    {
        await Task.Yield();
        var page = new ScanResponse();
        page.Pairs.Add(new KeyValue { Version = new() { Term = 1, Index = 1 } });
        yield return page;
    }

    private static async IAsyncEnumerable<ScanResponse> Nothing(
        [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken token)
    {
        await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, token);
        yield break;
    }
}
