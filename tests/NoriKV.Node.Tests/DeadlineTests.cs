using Nori.IO;
using NoriKV.Types;
using static NoriKV.Node.Tests.SteppedNode;

namespace NoriKV.Node.Tests;

public sealed class DeadlineTests : IDisposable
{
    private readonly FaultInjectingFileSystem _files = new(new MemoryFileSystem(1));
    private readonly SteppedNode _node;

    public DeadlineTests() => _node = Start(_files);

    public void Dispose() => _node.Stop();

    [Fact]
    public void A_passed_deadline_or_a_cancelled_call_does_nothing()
    {
        Assert.Equal(KvCode.DeadlineExceeded, Answer(Begin(0)).Error!.Code);
        var gone = new RequestContext(long.MaxValue, "", new CancellationToken(true));
        Task<KvResult<PutResult>> cancelled = _node.Node.PutAsync(Bytes("k"), Bytes("v"), new PutOptions(), gone).AsTask();
        Assert.Equal(KvCode.Cancelled, Answer(cancelled).Error!.Code);
        Assert.Null(_node.Read("k"));
    }

    [Fact]
    public void A_call_that_waits_is_answered_a_margin_before_its_deadline()
    {
        Task<KvResult<PutResult>> call = Begin(1000);
        _node.Time.AdvanceMs(949);
        Assert.False(call.IsCompleted);
        _node.Time.AdvanceMs(1);
        _node.Node.RunOnce();
        KvError error = Answer(call).Error!;
        Assert.Equal(KvCode.DeadlineExceeded, error.Code);
        Assert.Contains("not done", error.Message);
        _node.RunUntilIdle();
        Assert.Null(_node.Read("k"));
    }

    [Fact]
    public void A_short_deadline_keeps_half()
    {
        Task<KvResult<PutResult>> call = Begin(60);
        _node.Time.AdvanceMs(30);
        _node.Node.RunOnce();
        Assert.Equal(KvCode.DeadlineExceeded, Answer(call).Error!.Code);
    }

    [Fact]
    public void Once_it_is_in_the_log_a_late_outcome_is_unknown_and_not_a_refusal()
    {
        // The sync takes longer than the call may wait: the deadline is met while the entry is on its way.
        Task<KvResult<PutResult>>? call = null;
        _files.Add(new FaultRule
        {
            Operation = FileOperation.Sync,
            PathPattern = "**/log/*",
            Errno = 0,
            Action = _ =>
            {
                _node.Time.AdvanceMs(2000);
                _node.Node.ExpireNow();
            },
        });
        call = Begin(1000);
        _node.RunUntilIdle();
        KvError error = Answer(call).Error!;
        Assert.Equal(KvCode.CommitTimeout, error.Code);
        Assert.StartsWith("COMMIT_TIMEOUT", error.Message);
        Assert.Equal("v", _node.Read("k"));
    }

    [Fact]
    public void A_cancellation_behind_the_durable_step_is_not_honoured()
    {
        using var cancel = new CancellationTokenSource();
        _files.Add(new FaultRule
        {
            Operation = FileOperation.Sync,
            PathPattern = "**/log/*",
            Errno = 0,
            Action = _ => cancel.Cancel(),
        });
        var context = new RequestContext(long.MaxValue, "", cancel.Token);
        Task<KvResult<PutResult>> call = _node.Node.PutAsync(Bytes("k"), Bytes("v"), new PutOptions(), context).AsTask();
        _node.RunUntilIdle();
        Assert.True(Answer(call).IsOk);
    }

    [Fact]
    public void A_cancellation_while_queued_is()
    {
        using var cancel = new CancellationTokenSource();
        var context = new RequestContext(long.MaxValue, "", cancel.Token);
        Task<KvResult<PutResult>> call = _node.Node.PutAsync(Bytes("k"), Bytes("v"), new PutOptions(), context).AsTask();
        cancel.Cancel();
        _node.RunUntilIdle();
        Assert.Equal(KvCode.Cancelled, Answer(call).Error!.Code);
        Assert.Null(_node.Read("k"));
    }

    [Fact]
    public void A_full_queue_refuses_with_a_hint_when_to_try_again()
    {
        SteppedNode node = Start(configure: o => o with { MaxInFlight = 3 });
        Task<KvResult<PutResult>>[] calls = [.. Enumerable.Range(0, 5)
            .Select(i => node.Node.PutAsync(Bytes($"k{i}"), Bytes("v"), new PutOptions(), Context).AsTask())];
        Assert.Equal(KvCode.Overloaded, Answer(calls[3]).Error!.Code);
        Assert.NotNull(Answer(calls[4]).Error!.RetryAfter);
        node.RunUntilIdle();
        Assert.All(calls[..3], c => Assert.True(Answer(c).IsOk));
        Assert.True(node.Put("k", "v").IsOk);
        node.Stop();
    }

    [Fact]
    public void A_queue_of_too_many_bytes_refuses_but_one_large_write_passes()
    {
        SteppedNode node = Start(configure: o => o with { InFlightBytesMax = 1000 });
        Assert.True(node.Put("k", new string('v', 5000)).IsOk);
        Task<KvResult<PutResult>> first = node.Node.PutAsync(Bytes("a"), new byte[600], new PutOptions(), Context).AsTask();
        Task<KvResult<PutResult>> second = node.Node.PutAsync(Bytes("b"), new byte[600], new PutOptions(), Context).AsTask();
        Assert.Equal(KvCode.Overloaded, Answer(second).Error!.Code);
        node.RunUntilIdle();
        Assert.True(Answer(first).IsOk);
        node.Stop();
    }

    [Fact]
    public void A_scan_over_nothing_but_expired_keys_looks_at_its_deadline()
    {
        var files = new FaultInjectingFileSystem(new MemoryFileSystem(1));
        var time = new ManualTime();
        NodeOptions OneShard(NodeOptions o) => o with { TotalShards = 1 };
        SteppedNode node = Start(files, time, OneShard);
        var shortLived = new PutOptions { Ttl = TimeSpan.FromSeconds(1) };
        for (int i = 0; i < 3000; i++) node.Put($"k{i:d4}", "v", shortLived);
        node.Stop();
        node = Start(files, time, OneShard);
        time.AdvanceMs(2000);
        using var cancel = new CancellationTokenSource();
        files.Add(new FaultRule
        {
            Operation = FileOperation.Read,
            PathPattern = "**/*.sst",
            Times = FaultRule.Forever,
            Errno = 0,
            Action = _ => cancel.Cancel(),
        });
        Task<KvResult<ScanPage>> scan = node.Node.ScanAsync(
            new ScanOptions(), 10, 1000, new RequestContext(long.MaxValue, "", cancel.Token)).AsTask();
        Assert.Equal(KvCode.Cancelled, Answer(scan).Error!.Code);
        node.Stop();
    }

    private Task<KvResult<PutResult>> Begin(long deadlineMs)
    {
        long deadline = _node.Time.GetTimestamp() + (deadlineMs * TimeSpan.TicksPerMillisecond);
        return _node.Node.PutAsync(
            Bytes("k"), Bytes("v"), new PutOptions(), new RequestContext(deadline, "", CancellationToken.None)).AsTask();
    }
}
