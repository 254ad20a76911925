using NoriKV.Node.Peers;
using NoriKV.Node.Ports;
using static NoriKV.Node.Tests.Peers.CallPair;

namespace NoriKV.Node.Tests.Peers;

public sealed class PeerCallsTests
{
    private readonly CallPair _pair = new();

    [Fact]
    public void Calls_of_one_step_leave_as_one_frame_and_are_all_answered()
    {
        int frames = 0;
        _pair.Network.Sent = (_, _, _, _) => frames++;
        _pair.Second.Handle(PeerMethod.Read, static r => ValueTask.FromResult(PeerReply.Ok(r.Body.ToArray().Reverse().ToArray())));
        Task<PeerReply>[] calls = [.. Enumerable.Range(0, 100).Select(i => _pair.Ask([(byte)i, 9]))];
        _pair.Settle();
        for (int i = 0; i < calls.Length; i++) Assert.Equal([9, (byte)i], Result(calls[i]).Body.ToArray());
        Assert.Equal(2, frames);
    }

    [Fact]
    public void A_large_burst_leaves_as_several_frames_in_order()
    {
        var sizes = new List<int>();
        _pair.Network.Sent = (_, _, _, frame) => sizes.Add(frame.Length);
        var came = new List<byte>();
        _pair.Second.Handle(PeerMethod.Read, r =>
        {
            came.Add(r.Body.Span[0]);
            return ValueTask.FromResult(PeerReply.Ok(default));
        });
        Task<PeerReply>[] calls = [.. Enumerable.Range(0, 20).Select(i => _pair.Ask([(byte)i, .. new byte[300_000]]))];
        _pair.Settle();
        Assert.All(calls, static c => Assert.True(Result(c).IsOk));
        Assert.Equal(Enumerable.Range(0, 20).Select(static i => (byte)i), came);
        Assert.All(sizes, static s => Assert.InRange(s, 1, (1 << 20) + 64));
    }

    [Fact]
    public void A_call_says_what_became_of_it()
    {
        _pair.Second.Handle(PeerMethod.Read, static _ => new ValueTask<PeerReply>(new TaskCompletionSource<PeerReply>().Task));
        Task<PeerReply> late = _pair.Ask([1], ms: 100);
        Task<PeerReply> unknown = _pair.First.CallAsync(
            Two, PeerChannel.Control, PeerMethod.Join, new byte[1], long.MaxValue).AsTask();
        _pair.Settle();
        Assert.False(late.IsCompleted);
        Assert.Equal(PeerReplyStatus.Refused, Result(unknown).Status);
        Assert.True(Result(unknown).WasNotTaken);
        _pair.Pass(101);
        Assert.Equal(PeerReplyStatus.TimedOut, Result(late).Status);
        Task<PeerReply> lost = _pair.Ask([2]);
        _pair.Settle();
        _pair.First.NoteLost(Two);
        _pair.Settle();
        Assert.Equal(PeerReplyStatus.Lost, Result(lost).Status);
        Task<PeerReply> own = _pair.Ask([3]);
        _pair.First.Close("the end");
        _pair.Settle();
        Assert.Equal(PeerReplyStatus.Failed, Result(own).Status);
        Assert.Equal(PeerReplyStatus.Failed, Result(AndSettle(_pair.Ask([4]))).Status);
    }

    [Fact]
    public void A_deadline_that_has_passed_sends_nothing()
    {
        Task<PeerReply> call = _pair.Ask([1], ms: 0);
        _pair.Settle();
        Assert.Equal(PeerReplyStatus.NotSent, Result(call).Status);
        Assert.Equal(0, _pair.Network.Waiting);
    }

    [Fact]
    public void A_frame_that_comes_twice_is_served_once()
    {
        int served = 0;
        _pair.Second.Handle(PeerMethod.Read, _ =>
        {
            served++;
            return ValueTask.FromResult(PeerReply.Ok(default));
        });
        byte[]? frame = null;
        _pair.Network.Sent = (_, to, _, bytes) => frame ??= to == Two ? bytes.ToArray() : null;
        Task<PeerReply> call = _pair.Ask([1]);
        _pair.Settle();
        _pair.Network.Inject(One, Two, PeerChannel.Forward, frame!);
        _pair.Settle();
        Assert.True(Result(call).IsOk);
        Assert.Equal(1, served);
    }

    [Fact]
    public void An_answer_to_an_earlier_process_is_dropped()
    {
        var answer = new TaskCompletionSource<PeerReply>();
        _pair.Second.Handle(PeerMethod.Read, _ => new ValueTask<PeerReply>(answer.Task));
        _ = _pair.Ask([1]);
        _pair.Settle();
        _pair.RestartFirst(2);
        var second = new TaskCompletionSource<PeerReply>();
        _pair.Second.Handle(PeerMethod.Read, _ => new ValueTask<PeerReply>(second.Task));
        // The same number, of another process: the answer to the first call must not answer this one.
        Task<PeerReply> call = _pair.Ask([2]);
        answer.SetResult(PeerReply.Ok(new byte[] { 1 }));
        _pair.Settle();
        Assert.False(call.IsCompleted);
        second.SetResult(PeerReply.Ok(new byte[] { 2 }));
        _pair.Settle();
        Assert.Equal([2], Result(call).Body.ToArray());
    }

    [Fact]
    public void What_a_process_was_asked_is_lost_when_another_one_speaks()
    {
        _pair.Second.Handle(PeerMethod.Read, static _ => new ValueTask<PeerReply>(new TaskCompletionSource<PeerReply>().Task));
        _pair.Second.Tell(One, PeerChannel.Forward, PeerMethod.Freshness, default);
        Task<PeerReply> call = _pair.Ask([1]);
        _pair.Settle();
        _pair.RestartSecond(2);
        _pair.Second.Tell(One, PeerChannel.Forward, PeerMethod.Freshness, default);
        _pair.Settle();
        Assert.Equal(PeerReplyStatus.Lost, Result(call).Status);
    }

    [Fact]
    public void A_caller_who_gives_up_ends_the_serving()
    {
        CancellationToken seen = default;
        _pair.Second.Handle(PeerMethod.Read, r =>
        {
            seen = r.CancellationToken;
            return new ValueTask<PeerReply>(new TaskCompletionSource<PeerReply>().Task);
        });
        using var cancel = new CancellationTokenSource();
        Task<PeerReply> call = _pair.Ask([1], cancellation: cancel.Token);
        _pair.Settle();
        cancel.Cancel();
        _pair.Pass(10);
        Assert.Equal(PeerReplyStatus.Cancelled, Result(call).Status);
        Assert.True(seen.IsCancellationRequested);
    }

    [Fact]
    public void Calls_under_way_and_calls_served_are_bounded()
    {
        var pair = new CallPair(new PeerCallOptions { CallsMax = 4, ServedMax = 2, BytesMax = 100 });
        pair.Second.Handle(PeerMethod.Read, static _ => new ValueTask<PeerReply>(new TaskCompletionSource<PeerReply>().Task));
        Task<PeerReply>[] calls = [.. Enumerable.Range(0, 5).Select(i => pair.Ask([(byte)i]))];
        pair.Settle();
        Assert.Equal(PeerReplyStatus.NotSent, Result(calls[4]).Status);
        Assert.Equal(
            [PeerReplyStatus.Overloaded, PeerReplyStatus.Overloaded],
            calls[2..4].Select(static c => Result(c).Status));
        Task<PeerReply> large = pair.Ask(new byte[99]);
        pair.Settle();
        Assert.Equal(PeerReplyStatus.NotSent, Result(large).Status);
        pair.First.NoteLost(Two);
        // One that is larger than all the room passes alone.
        Task<PeerReply> alone = pair.Ask(new byte[101]);
        pair.Settle();
        Assert.Equal(PeerReplyStatus.Overloaded, Result(alone).Status);
    }

    [Fact]
    public void A_node_calls_itself_without_a_frame()
    {
        _pair.First.Handle(PeerMethod.Read, static r => ValueTask.FromResult(PeerReply.Ok(r.Body)));
        Task<PeerReply> call = _pair.First.CallAsync(One, PeerChannel.Control, PeerMethod.Read, new byte[] { 5 }, long.MaxValue).AsTask();
        Assert.Equal([5], Result(call).Body.ToArray());
        Assert.Equal(0, _pair.Network.Waiting);
    }

    [Fact]
    public void Frames_of_strangers_and_for_others_are_dropped()
    {
        int served = 0;
        _pair.Second.Handle(PeerMethod.Read, _ =>
        {
            served++;
            return ValueTask.FromResult(PeerReply.Ok(default));
        });
        foreach ((ulong cluster, ulong from, ulong to) in ((ulong, ulong, ulong)[])[(78, 1, 2), (77, 3, 2), (77, 1, 3), (77, 1, 2)])
        {
            byte[] frame = PeerCallFrameTests.FrameOf(
                cluster, from, to, new PeerCallMessage(PeerCallKind.Request, PeerMethod.Read, 5, default) { MillisecondsLeft = 5 });
            _pair.Network.Inject(One, Two, PeerChannel.Forward, frame);
        }

        _pair.Settle();
        Assert.Equal(1, served);
    }

    private Task<PeerReply> AndSettle(Task<PeerReply> call)
    {
        _pair.Settle();
        return call;
    }

    private static PeerReply Result(Task<PeerReply> call)
    {
        Assert.True(call.IsCompleted);
        return call.GetAwaiter().GetResult();
    }
}
