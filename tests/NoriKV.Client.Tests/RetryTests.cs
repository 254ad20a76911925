using NoriKV.Client.Transport;
using NoriKV.Proto.V1;
using NoriKV.Types;

namespace NoriKV.Client.Tests;

public sealed class RetryTests
{
    private static readonly NoriKVClientOptions Quick = new() { Deadline = TimeSpan.FromSeconds(2) };

    // By number, not by time: on a busy machine the deadline may overtake an answer.
    private static readonly NoriKVClientOptions Few = new()
    {
        Deadline = TimeSpan.FromSeconds(60), Retry = new RetryPolicy { AttemptsMax = 4 },
    };

    [Fact]
    public async Task A_write_is_sent_again_with_the_same_idempotency_key_after_its_stream_broke()
    {
        await using var cluster = new ScriptedCluster();
        int calls = 0;
        cluster.Only.OnCall = call => ++calls < 3 ? throw Broken(reached: true) : ScriptedTransport.Echo(call);

        PutResult result = await cluster.Client.PutAsync("k", "v");

        Assert.True(result.Version.IsPresent);
        Assert.Equal(3, cluster.Only.Calls.Count);
        Assert.Single(cluster.Only.Calls.Select(c => c.Put.IdempotencyKey).Distinct());
        Assert.Equal(3, cluster.Only.PipesOpened);
    }

    [Theory]
    [InlineData(null, true)]
    [InlineData("mine", false)]
    public async Task The_answer_to_another_write_never_passes_for_success(string? ownKey, bool throws)
    {
        await using var cluster = new ScriptedCluster();
        cluster.Only.OnCall = call =>
        {
            StreamResult result = ScriptedTransport.Echo(call)!;
            result.Put.Meta["idempotent_replay"] = "payload_differs";
            return result;
        };
        var options = new PutOptions { IdempotencyKey = ownKey };
        Task<PutResult> put = cluster.Client.PutAsync("k", "v", options).AsTask();
        if (throws) Assert.Equal(KvCode.Internal, (await Assert.ThrowsAnyAsync<NoriKVException>(() => put)).Code);
        else Assert.Equal("payload_differs", (await put).Meta.IdempotentReplay);
    }

    [Fact]
    public async Task A_write_that_may_have_been_done_ends_with_an_unknown_outcome()
    {
        await using var cluster = new ScriptedCluster(Few);
        int calls = 0;
        cluster.Only.OnCall = _ => ++calls == 1 ? throw Broken(reached: true) : ScriptedTransport.Error(14, "stopping");

        var e = await Assert.ThrowsAsync<OutcomeUnknownException>(async () => await cluster.Client.PutAsync("k", "v"));

        Assert.Equal(KvCode.CommitTimeout, e.Code);
        Assert.Contains("stopping", e.Message);
    }

    [Theory]
    [InlineData(7u, "you may not")]
    [InlineData(9u, "CLUSTER_MISMATCH: another cluster")]
    [InlineData(3u, "too long")]
    public async Task What_a_later_attempt_is_refused_for_says_nothing_of_one_that_may_have_been_done(uint status, string message)
    {
        await using var cluster = new ScriptedCluster(Few);
        int calls = 0;
        cluster.Only.OnCall = _ => ++calls == 1 ? throw Broken(reached: true) : ScriptedTransport.Error(status, message);

        var e = await Assert.ThrowsAsync<OutcomeUnknownException>(async () => await cluster.Client.PutAsync("k", "v"));

        Assert.Contains(message, e.Message);
        Assert.Equal(2, calls);
    }

    [Fact]
    public async Task An_answer_that_looked_at_the_key_decides()
    {
        await using var cluster = new ScriptedCluster(Few);
        int calls = 0;
        cluster.Only.OnCall = _ => ++calls == 1 ? throw Broken(reached: true) : ScriptedTransport.Error(6, "it exists");
        await Assert.ThrowsAsync<AlreadyExistsException>(async () => await cluster.Client.PutAsync("k", "v"));
    }

    [Fact]
    public async Task A_write_that_was_never_sent_ends_as_unavailable()
    {
        await using var cluster = new ScriptedCluster(Few);
        cluster.Only.OnCall = _ => throw Broken(reached: false);
        await Assert.ThrowsAsync<UnavailableException>(async () => await cluster.Client.PutAsync("k", "v"));
    }

    [Fact]
    public async Task No_attempt_begins_past_the_deadline()
    {
        var late = new LateTime();
        await using var cluster = new ScriptedCluster(Few with { Time = late, Retry = new RetryPolicy() });
        cluster.Only.OnCall = _ =>
        {
            // A busy machine: whatever is waited for from here on ends far past the deadline.
            late.IsBusy = true;
            throw Broken(reached: false);
        };
        await Assert.ThrowsAsync<UnavailableException>(async () => await cluster.Client.PutAsync("k", "v"));
        Assert.Single(cluster.Only.Calls);
    }

    [Fact]
    public async Task One_client_has_a_deadline_for_each_operation()
    {
        var time = new StandingTime();
        await using var cluster = new ScriptedCluster(new NoriKVClientOptions { Deadline = TimeSpan.FromHours(1), Time = time });
        NoriKVClient quick = cluster.Client.WithDeadline(TimeSpan.FromMilliseconds(200));
        cluster.Only.OnCall = _ =>
        {
            // However long a busy machine took so far.
            time.Pass(TimeSpan.FromMilliseconds(200));
            return null;
        };
        await Assert.ThrowsAsync<OutcomeUnknownException>(async () => await quick.PutAsync("k", "v"));
        Assert.InRange(cluster.Only.Calls.Single().TimeoutMs, 1u, 200u);
        await quick.DisposeAsync();
        cluster.Only.OnCall = ScriptedTransport.Echo;
        await cluster.Client.PutAsync("k", "v");
        Assert.InRange(cluster.Only.Calls.Last().TimeoutMs, 1_000u, 3_600_000u);
        Assert.Throws<InvalidArgumentException>(() => quick.WithDeadline(TimeSpan.Zero));
    }

    [Fact]
    public async Task Compare_and_set_sends_the_version_or_that_there_must_be_none()
    {
        await using var cluster = new ScriptedCluster();
        await cluster.Client.CompareAndSetAsync("k", "v", new KvVersion(3, 4), new PutOptions { IfNotExists = true });
        await cluster.Client.CompareAndSetAsync("k"u8.ToArray(), "v"u8.ToArray(), KvVersion.None);
        PutRequest[] puts = [.. cluster.Only.Calls.Select(static c => c.Put)];
        Assert.Equal((3ul, 4ul, false), (puts[0].IfMatch.Term, puts[0].IfMatch.Index, puts[0].IfNotExists));
        Assert.Equal((null, true), (puts[1].IfMatch, puts[1].IfNotExists));
    }

    [Fact]
    public async Task A_write_whose_stream_broke_by_INTERNAL_is_tried_again_and_never_called_not_done()
    {
        await using var cluster = new ScriptedCluster(Few);
        cluster.Only.OnCall = _ => throw new RpcException(new KvError(KvCode.Internal, "a reset"), reached: true);
        await Assert.ThrowsAsync<OutcomeUnknownException>(async () => await cluster.Client.PutAsync("k", "v"));
        Assert.True(cluster.Only.Calls.Count > 1, "it was tried once");
    }

    [Theory]
    [InlineData("COMMIT_TIMEOUT: unknown", typeof(OutcomeUnknownException))]
    [InlineData("The deadline passed before the operation was tried; it was not done", typeof(DeadlineExceededException))]
    public async Task The_node_says_whether_a_late_write_was_tried(string message, Type type)
    {
        await using var cluster = new ScriptedCluster(Few);
        cluster.Only.OnCall = _ => ScriptedTransport.Error(4, message);
        var e = await Assert.ThrowsAnyAsync<NoriKVException>(async () => await cluster.Client.PutAsync("k", "v"));
        Assert.IsType(type, e);
    }

    [Fact]
    public async Task A_read_has_no_unknown_outcome()
    {
        await using var cluster = new ScriptedCluster(Few);
        cluster.Only.OnCall = _ => ScriptedTransport.Error(4, "COMMIT_TIMEOUT");
        await Assert.ThrowsAsync<DeadlineExceededException>(async () => await cluster.Client.GetAsync("k"));
    }

    [Fact]
    public async Task A_call_without_an_answer_ends_at_the_deadline()
    {
        await using var cluster = new ScriptedCluster(Quick);
        cluster.Only.OnCall = _ => null;
        long begun = TimeProvider.System.GetTimestamp();
        await Assert.ThrowsAsync<OutcomeUnknownException>(
            () => cluster.Client.PutAsync("k", "v").AsTask().WaitAsync(TimeSpan.FromSeconds(60)));
        Assert.True(TimeProvider.System.GetElapsedTime(begun).TotalMilliseconds >= 1990);
        Assert.InRange(cluster.Only.Calls.First().TimeoutMs, 1u, 2000u);
    }

    [Theory]
    [InlineData(3u, "Key size 1025 exceeds limit 1024", typeof(InvalidArgumentException))]
    [InlineData(9u, "Version mismatch: has 1.2", typeof(VersionMismatchException))]
    [InlineData(9u, "not atomic", typeof(NoriKVException))]
    [InlineData(6u, "exists", typeof(AlreadyExistsException))]
    [InlineData(13u, "bug", typeof(NoriKVException))]
    public async Task A_definite_answer_is_not_retried(uint code, string message, Type type)
    {
        await using var cluster = new ScriptedCluster();
        cluster.Only.OnCall = _ => ScriptedTransport.Error(code, message);
        var e = await Assert.ThrowsAnyAsync<NoriKVException>(async () => await cluster.Client.PutAsync("k", "v"));
        Assert.IsType(type, e);
        Assert.Single(cluster.Only.Calls);
    }

    [Fact]
    public async Task A_leader_hint_is_followed_at_once()
    {
        await using var cluster = new ScriptedCluster();
        cluster.Only.OnCall = _ => ScriptedTransport.Error(14, "NOT_LEADER", hint: "b:2");
        PutResult result = await cluster.Client.PutAsync("k", "v");
        Assert.True(result.Version.IsPresent);
        Assert.Single(cluster.Only.Calls);
        Assert.Single(cluster["b:2"].Calls);
    }

    [Fact]
    public async Task Nodes_that_name_each_other_as_leaders_do_not_keep_a_client_running_in_a_circle()
    {
        await using var cluster = new ScriptedCluster(
            Quick with
            {
                Retry = new RetryPolicy { BackoffInitial = TimeSpan.FromMilliseconds(100), BudgetMax = 0 },
            },
            "a:1", "b:2");
        cluster["a:1"].OnCall = static _ => ScriptedTransport.Error(14, "NOT_LEADER", hint: "b:2");
        cluster["b:2"].OnCall = static _ => ScriptedTransport.Error(14, "NOT_LEADER", hint: "a:1");
        await Assert.ThrowsAsync<NotLeaderException>(async () => await cluster.Client.PutAsync("k", "v"));
        // Without a wait it is thousands.
        Assert.InRange(cluster["a:1"].Calls.Count + cluster["b:2"].Calls.Count, 3, 200);
    }

    [Fact]
    public async Task Retry_after_is_waited_for()
    {
        await using var cluster = new ScriptedCluster();
        int calls = 0;
        cluster.Only.OnCall = call =>
            ++calls == 1 ? ScriptedTransport.Error(8, "full", retryAfterMs: 150) : ScriptedTransport.Echo(call);
        long begun = TimeProvider.System.GetTimestamp();
        await cluster.Client.PutAsync("k", "v");
        Assert.True(TimeProvider.System.GetElapsedTime(begun).TotalMilliseconds >= 120);
    }

    [Fact]
    public async Task Retry_after_beyond_the_deadline_fails_at_once()
    {
        await using var cluster = new ScriptedCluster();
        cluster.Only.OnCall = _ => ScriptedTransport.Error(8, "full", retryAfterMs: 60_000);
        await Assert.ThrowsAsync<OverloadedException>(async () => await cluster.Client.PutAsync("k", "v"));
        Assert.Single(cluster.Only.Calls);
    }

    [Fact]
    public async Task The_callers_own_idempotency_key_is_used_as_it_is()
    {
        await using var cluster = new ScriptedCluster();
        await cluster.Client.PutAsync("k", "v", new PutOptions { IdempotencyKey = "mine" });
        Assert.Equal("mine", Assert.Single(cluster.Only.Calls).Put.IdempotencyKey);
    }

    [Fact]
    public async Task An_unreachable_node_is_left_out_while_another_answers()
    {
        await using var cluster = new ScriptedCluster(null, "a:1", "b:2");
        cluster.Only.OnCall = _ => throw Broken(reached: false);
        for (int i = 0; i < 20; i++) await cluster.Client.GetAsync("k");
        Assert.InRange(cluster.Only.Calls.Count, 0, 1);
        Assert.Equal(20, cluster["b:2"].Calls.Count);
    }

    [Fact]
    public async Task Without_retries_the_first_failure_is_the_callers()
    {
        await using var cluster = new ScriptedCluster(new NoriKVClientOptions { Retry = RetryPolicy.None });
        cluster.Only.OnCall = _ => ScriptedTransport.Error(14, "QUORUM_UNAVAILABLE");
        var e = await Assert.ThrowsAsync<UnavailableException>(async () => await cluster.Client.PutAsync("k", "v"));
        Assert.Equal(KvCode.QuorumUnavailable, e.Code);
        Assert.Single(cluster.Only.Calls);
    }

    private static RpcException Broken(bool reached) => new(new KvError(KvCode.Unavailable, "broken"), reached);

    // It passes when it is told to; timers run.
    private sealed class StandingTime : TimeProvider
    {
        private long _ticks = TimeSpan.FromHours(1).Ticks;

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override long GetTimestamp() => Volatile.Read(ref _ticks);

        public void Pass(TimeSpan time) => Interlocked.Add(ref _ticks, time.Ticks);
    }

    private sealed class LateTime : TimeProvider
    {
        private long _ahead;

        public volatile bool IsBusy;

        public override long TimestampFrequency => System.TimestampFrequency;

        public override long GetTimestamp() => System.GetTimestamp() + Volatile.Read(ref _ahead);

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
        {
            if (IsBusy) Volatile.Write(ref _ahead, TimestampFrequency * 3600);
            return base.CreateTimer(callback, state, dueTime, period);
        }
    }
}
