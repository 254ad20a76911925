using NoriKV.Proto.V1;
using NoriKV.Types;

namespace NoriKV.Client.Tests;

public sealed class PipelineTests
{
    [Fact]
    public async Task A_write_whose_stream_no_node_took_was_not_done()
    {
        await using var cluster = new ScriptedCluster(new NoriKVClientOptions { Deadline = TimeSpan.FromMilliseconds(200) });
        var stands = new TaskCompletionSource();
        cluster.Only.Stands = stands.Task;
        await Assert.ThrowsAsync<UnavailableException>(async () => await cluster.Client.PutAsync("k", "v"));
        Assert.Empty(cluster.Only.Calls);
        stands.SetResult();
        await cluster.Client.WithDeadline(TimeSpan.FromMinutes(1)).PutAsync("k", "v");
        Assert.Single(cluster.Only.Calls);
    }

    [Fact]
    public async Task A_request_larger_than_any_node_takes_is_refused_before_it_is_sent()
    {
        await using var cluster = new ScriptedCluster();
        await Assert.ThrowsAsync<InvalidArgumentException>(
            async () => await cluster.Client.PutAsync("k"u8.ToArray(), new byte[(64 << 20) + 1]));
        Assert.Empty(cluster.Only.Calls);
        Assert.Empty(cluster.Only.Alone);
    }

    [Fact]
    public async Task Concurrent_operations_share_one_stream_and_each_gets_its_own_answer()
    {
        await using var cluster = new ScriptedCluster();
        string[] values = await Task.WhenAll(Enumerable.Range(0, 2000).Select(async i =>
        {
            GetResult result = await cluster.Client.GetAsync($"key-{i}");
            return System.Text.Encoding.UTF8.GetString(result.Value.Span);
        }));
        Assert.Equal(Enumerable.Range(0, 2000).Select(i => $"key-{i}"), values);
        Assert.Equal(1, cluster.Only.PipesOpened);
        Assert.Equal(2000, cluster.Only.MessageSizes.Sum());
    }

    [Fact]
    public async Task More_operations_than_may_be_in_flight_wait_their_turn()
    {
        await using var cluster = new ScriptedCluster(new NoriKVClientOptions { InFlightMax = 4 });
        int most = 0;
        cluster.Only.OnCall = call =>
        {
            most = Math.Max(most, cluster.Client.InFlight);
            return ScriptedTransport.Echo(call);
        };
        await Task.WhenAll(Enumerable.Range(0, 200).Select(i => cluster.Client.GetAsync($"{i}").AsTask()));
        Assert.InRange(most, 1, 4);
        Assert.Equal(0, cluster.Client.InFlight);
    }

    [Fact]
    public async Task An_operation_that_finds_no_place_before_its_deadline_was_not_tried()
    {
        await using var cluster = new ScriptedCluster(
            new NoriKVClientOptions { InFlightMax = 1, Deadline = TimeSpan.FromSeconds(2) });
        cluster.Only.OnCall = _ => null;
        Task first = cluster.Client.PutAsync("a", "v").AsTask();
        await Assert.ThrowsAnyAsync<NoriKVException>(async () => await cluster.Client.PutAsync("b", "v"));
        await Assert.ThrowsAsync<OutcomeUnknownException>(() => first);
    }

    [Fact]
    public async Task No_more_calls_are_sent_than_a_node_works_on_and_those_given_up_meanwhile_are_not_sent_at_all()
    {
        await using var cluster = new ScriptedCluster(new NoriKVClientOptions
        {
            InFlightMax = 4096, SmartRouting = false, Retry = RetryPolicy.None,
        });
        cluster.Only.OnCall = static _ => null;
        using var giveUp = new CancellationTokenSource();
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        Task[] first = await FilledAsync(cluster, patience.Token);
        Task[] second = [.. Enumerable.Range(0, 500).Select(i => cluster.Client.GetAsync($"second-{i}", null, giveUp.Token).AsTask())];
        Task third = cluster.Client.GetAsync("third").AsTask();
        await giveUp.CancelAsync();
        await Task.WhenAll(second).ContinueWith(static _ => { }, TaskScheduler.Default);

        ScriptedTransport.ScriptedPipe pipe = cluster.Only.Pipes.Single();
        cluster.Only.OnCall = ScriptedTransport.Echo;
        foreach (Proto.V1.StreamCall call in cluster.Only.Calls.ToArray()) pipe.Answer(ScriptedTransport.Echo(call), call.Id);
        await Task.WhenAll(first.Append(third)).WaitAsync(TimeSpan.FromSeconds(60));
        Assert.Equal(1025, cluster.Only.Calls.Count);
    }

    [Fact]
    public async Task What_would_hardly_be_answered_in_time_behind_all_that_waits_is_not_sent()
    {
        var time = new SteppedTime();
        await using ScriptedCluster cluster = Hasty(time);
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        await AnsweredAsync(cluster, time, TimeSpan.FromMilliseconds(400), patience.Token);

        // 400 ms for 1,024 before it, in 0.8 of a second: that is room for 2,048, of which 1,024 are sent at once.
        Task[] second = [.. Enumerable.Range(0, 2500).Select(i => cluster.Client.GetAsync($"second-{i}").AsTask())];
        await SentAsync(cluster, 2 * 1024, patience.Token);
        ScriptedTransport.ScriptedPipe pipe = cluster.Only.Pipes.Single();
        pipe.AnswerAll([.. cluster.Only.Calls.Skip(1024).Take(1000)]);
        await SentAsync(cluster, 1024 + 2024, patience.Token);
        time.Now += TimeSpan.FromSeconds(1);
        await Task.WhenAll(second).ContinueWith(static _ => { }, TaskScheduler.Default).WaitAsync(patience.Token);
        Assert.Equal(1024 + 2024, cluster.Only.Calls.Count);
        Task<NoriKVException>[] failed =
            [.. second.Where(static t => t.IsFaulted).Select(static t => Assert.ThrowsAnyAsync<NoriKVException>(() => t))];
        Assert.Equal(2500 - 1000, failed.Length);
        string[] left =
            [.. (await Task.WhenAll(failed)).Select(static e => e.Message).Where(static m => m.Contains("others waited"))];
        Assert.Equal(2500 - 2049, left.Length);
        Assert.All(left, static m => Assert.Contains(
            "before it was sent: 2049 others waited for a:1, for about 800 ms", m, StringComparison.Ordinal));
    }

    [Fact]
    public async Task What_was_not_sent_in_a_crowd_is_sent_when_the_crowd_is_gone()
    {
        var time = new SteppedTime();
        await using ScriptedCluster cluster = Hasty(time);
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        await AnsweredAsync(cluster, time, TimeSpan.FromMilliseconds(900), patience.Token); // it stood still for a moment

        Task[] second = [.. Enumerable.Range(0, 1000).Select(i => cluster.Client.GetAsync($"second-{i}").AsTask())];
        await SentAsync(cluster, 1024 + 911, patience.Token);
        cluster.Only.OnCall = ScriptedTransport.Echo;
        cluster.Only.Pipes.Single().AnswerAll([.. cluster.Only.Calls.Skip(1024)]);
        await Task.WhenAll(second).WaitAsync(patience.Token);
        Assert.Equal(1024 + 1000, cluster.Only.Calls.Count);
    }

    [Fact]
    public async Task Of_a_node_whose_answers_all_come_too_late_it_is_known_that_it_is_slow()
    {
        var time = new SteppedTime();
        await using ScriptedCluster cluster = Hasty(time);
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        Task[] first = await FilledAsync(cluster, patience.Token);
        time.Now += TimeSpan.FromSeconds(1);
        foreach (Task late in first) await Assert.ThrowsAsync<DeadlineExceededException>(() => late.WaitAsync(patience.Token));
        cluster.Only.Pipes.Single().AnswerAll([.. cluster.Only.Calls]);
        // The answers are read: there is room again.
        await using NoriKVClient patient = cluster.Client.WithDeadline(TimeSpan.FromMinutes(1));
        Task next = patient.GetAsync("next").AsTask();
        await SentAsync(cluster, 1025, patience.Token);
        cluster.Only.Pipes.Single().AnswerAll([.. cluster.Only.Calls.Skip(1024)]);
        await next.WaitAsync(patience.Token);

        Task[] second = [.. Enumerable.Range(0, 1000).Select(i => cluster.Client.GetAsync($"second-{i}").AsTask())];
        Task last = patient.GetAsync("last").AsTask();
        await SentAsync(cluster, 1025 + 821 + 1, patience.Token);
        Assert.Equal("last", cluster.Only.Calls.Last().Get.Key.ToStringUtf8());
    }

    [Fact]
    public async Task What_was_not_sent_in_a_crowd_is_sent_when_all_the_crowd_has_given_up()
    {
        var time = new SteppedTime();
        await using ScriptedCluster cluster = Hasty(time);
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        await AnsweredAsync(cluster, time, TimeSpan.FromMilliseconds(400), patience.Token);

        // Half of these are sent and stay without an answer, the others wait; one more begins later and is left.
        Task[] second = [.. Enumerable.Range(0, 2049).Select(i => cluster.Client.GetAsync($"second-{i}").AsTask())];
        await SentAsync(cluster, 2 * 1024, patience.Token);
        time.Now += TimeSpan.FromMilliseconds(500);
        Task left = cluster.Client.GetAsync("left").AsTask();
        time.Now += TimeSpan.FromMilliseconds(600);
        foreach (Task late in second) await Assert.ThrowsAsync<DeadlineExceededException>(() => late.WaitAsync(patience.Token));
        cluster.Only.OnCall = ScriptedTransport.Echo;
        cluster.Only.Pipes.Single().AnswerAll([.. cluster.Only.Calls.Skip(1024)]);
        await left.WaitAsync(patience.Token);
        Assert.Equal((2 * 1024) + 1, cluster.Only.Calls.Count);
    }

    [Fact]
    public async Task What_is_said_not_to_have_been_sent_is_not_sent_behind_that()
    {
        var time = new SteppedTime();
        await using var cluster = new ScriptedCluster(new NoriKVClientOptions
        {
            SmartRouting = false, Retry = RetryPolicy.None, Deadline = TimeSpan.FromSeconds(1), SilenceMax = Timeout.InfiniteTimeSpan,
            Time = time,
        });
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        var stands = new TaskCompletionSource();
        cluster.Only.Stands = stands.Task;
        Task<PutResult> late = cluster.Client.PutAsync("k", "v").AsTask();
        // The writer has taken the call from those that wait, and looks how long it has left.
        time.OnNextLook = () =>
        {
            time.Now += TimeSpan.FromSeconds(2);
            // A sweep reads the clock, fails the call, and reads it again to see whether more came.
            SpinWait.SpinUntil(TwiceAsked(time, patience.Token));
        };
        stands.SetResult();
        await Assert.ThrowsAsync<DeadlineExceededException>(() => late.WaitAsync(patience.Token));
        await cluster.Client.WithDeadline(TimeSpan.FromMinutes(1)).PutAsync("next", "v");
        Assert.Equal("next", cluster.Only.Calls.Single().Put.Key.ToStringUtf8());
    }

    [Fact]
    public async Task A_large_value_goes_alone()
    {
        await using var cluster = new ScriptedCluster();
        await cluster.Client.PutAsync(new byte[8], new byte[3 << 20]);
        Assert.Single(cluster.Only.Alone);
        Assert.Empty(cluster.Only.Calls);
    }

    [Fact]
    public async Task Messages_stay_within_their_bound()
    {
        await using var cluster = new ScriptedCluster(new NoriKVClientOptions { MessageBytesMax = 4096 });
        await Task.WhenAll(Enumerable.Range(0, 200).Select(i => cluster.Client.PutAsync(new byte[8], new byte[1000]).AsTask()));
        Assert.All(cluster.Only.MessageSizes, n => Assert.InRange(n, 1, 3));
    }

    [Fact]
    public async Task Cancelling_ends_the_call_and_leaves_the_stream_to_the_others()
    {
        await using var cluster = new ScriptedCluster();
        cluster.Only.OnCall = call => call.Get.Key.Length == 1 ? null : ScriptedTransport.Echo(call);
        using var cancel = new CancellationTokenSource();
        Task<GetResult> waiting = cluster.Client.GetAsync("x", null, cancel.Token).AsTask();
        await cluster.Client.GetAsync("other");
        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting);
        await cluster.Client.GetAsync("other");
        Assert.Equal(1, cluster.Only.PipesOpened);
        Assert.Equal(0, cluster.Client.InFlight);
    }

    [Fact]
    public async Task Disposing_fails_what_is_pending()
    {
        var cluster = new ScriptedCluster();
        cluster.Only.OnCall = _ => null;
        Task<PutResult>[] pending = [.. Enumerable.Range(0, 50).Select(i => cluster.Client.PutAsync($"{i}", "v").AsTask())];
        await cluster.DisposeAsync();
        foreach (Task<PutResult> task in pending)
        {
            var e = await Assert.ThrowsAnyAsync<NoriKVException>(() => task);
            Assert.Contains(e.Code, new[] { KvCode.Cancelled, KvCode.CommitTimeout });
        }

        await Assert.ThrowsAsync<ObjectDisposedException>(async () => await cluster.Client.PutAsync("k", "v"));
    }

    [Fact]
    public async Task Disposing_an_idle_client_races_with_nothing()
    {
        for (int i = 0; i < 500; i++)
        {
            var cluster = new ScriptedCluster();
            await cluster.Client.GetAsync("k");
            await Task.WhenAll(cluster.DisposeAsync().AsTask(), Task.Run(() => cluster.Only.Pipes.Single().Break()));
        }
    }

    [Fact]
    public async Task No_call_is_lost_while_streams_break_again_and_again()
    {
        const ulong Seed = 7;
        await using var cluster = new ScriptedCluster(new NoriKVClientOptions
        {
            Deadline = TimeSpan.FromSeconds(60),
            Retry = new RetryPolicy { BackoffInitial = TimeSpan.FromMilliseconds(1), BackoffMax = TimeSpan.FromMilliseconds(5) },
        });
        var random = new Nori.Core.Prng(Seed);
        cluster.Only.OnCall = call =>
        {
            bool breaks;
            lock (random) breaks = random.Chance(0.02);
            return breaks
                ? throw new Transport.RpcException(new KvError(KvCode.Unavailable, "broken"), true)
                : ScriptedTransport.Echo(call);
        };
        await Task.WhenAll(Enumerable.Range(0, 3000).Select(i => cluster.Client.PutAsync($"{i}", "v").AsTask()));
        Assert.InRange(cluster.Only.PipesOpened, 2, 3000);
        Assert.Equal(3000, cluster.Only.Calls.Select(c => c.Put.IdempotencyKey).Distinct().Count());
    }

    private static Func<bool> TwiceAsked(SteppedTime time, CancellationToken patience)
    {
        int from = time.Asked;
        return () => time.Asked >= from + 2 || patience.IsCancellationRequested;
    }

    private static ScriptedCluster Hasty(TimeProvider time)
    {
        var cluster = new ScriptedCluster(new NoriKVClientOptions
        {
            InFlightMax = 4096, SmartRouting = false, Retry = RetryPolicy.None, Deadline = TimeSpan.FromSeconds(1), Time = time,
        });
        cluster.Only.OnCall = static _ => null;
        return cluster;
    }

    // As many calls as a node works on, all sent.
    private static async Task<Task[]> FilledAsync(ScriptedCluster cluster, CancellationToken patience)
    {
        Task[] calls = [.. Enumerable.Range(0, 1024).Select(i => cluster.Client.GetAsync($"first-{i}").AsTask())];
        await SentAsync(cluster, 1024, patience);
        return calls;
    }

    // So many, and each is answered after so long.
    private static async Task AnsweredAsync(ScriptedCluster cluster, SteppedTime time, TimeSpan after, CancellationToken patience)
    {
        Task[] calls = await FilledAsync(cluster, patience);
        time.Now += after;
        cluster.Only.Pipes.Single().AnswerAll([.. cluster.Only.Calls]);
        await Task.WhenAll(calls).WaitAsync(patience);
    }

    private static async Task SentAsync(ScriptedCluster cluster, int calls, CancellationToken patience)
    {
        while (cluster.Only.Calls.Count < calls) await Task.Delay(5, patience);
    }

    // Timers run, the clock is the test's.
    private sealed class SteppedTime : TimeProvider
    {
        private long _ticks = TimeSpan.FromHours(1).Ticks;
        private int _asked;

        public TimeSpan Now
        {
            get => TimeSpan.FromTicks(Volatile.Read(ref _ticks));
            set => Volatile.Write(ref _ticks, value.Ticks);
        }

        /// <summary>Runs once, when somebody next asks how long it is from one time to another.</summary>
        public Action? OnNextLook;

        public override long TimestampFrequency
        {
            get
            {
                Interlocked.Exchange(ref OnNextLook, null)?.Invoke();
                return TimeSpan.TicksPerSecond;
            }
        }

        /// <summary>How often somebody asked what time it is.</summary>
        public int Asked => Volatile.Read(ref _asked);

        public override long GetTimestamp()
        {
            long now = Now.Ticks;
            Interlocked.Increment(ref _asked);
            return now;
        }
    }
}
