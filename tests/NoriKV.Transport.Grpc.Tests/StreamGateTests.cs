namespace NoriKV.Transport.Grpc.Tests;

public sealed class StreamGateTests
{
    [Fact]
    public async Task It_lets_in_no_more_calls_than_it_holds()
    {
        var gate = new StreamGate(callsMax: 2, bytesMax: 1000);
        await gate.EnterAsync(1, CancellationToken.None);
        await gate.EnterAsync(1, CancellationToken.None);
        Task third = gate.EnterAsync(1, CancellationToken.None).AsTask();
        Assert.False(third.IsCompleted);
        gate.Finish();
        Assert.False(third.IsCompleted);
        gate.Leave(1, 1);
        await third.WaitAsync(TimeSpan.FromSeconds(60));
        Assert.Equal(2, gate.Held);
    }

    [Fact]
    public async Task Bytes_of_calls_and_of_results_count_together()
    {
        var gate = new StreamGate(callsMax: 100, bytesMax: 10);
        await gate.EnterAsync(4, CancellationToken.None);
        gate.Hold(4);
        gate.Finish();
        Task second = gate.EnterAsync(4, CancellationToken.None).AsTask();
        Assert.False(second.IsCompleted);
        gate.Leave(1, 8);
        await second.WaitAsync(TimeSpan.FromSeconds(60));
    }

    [Fact]
    public async Task A_call_larger_than_all_room_enters_when_it_is_empty()
    {
        var gate = new StreamGate(callsMax: 4, bytesMax: 10);
        await gate.EnterAsync(1, CancellationToken.None);
        Task large = gate.EnterAsync(50, CancellationToken.None).AsTask();
        Assert.False(large.IsCompleted);
        gate.Finish();
        gate.Leave(1, 1);
        await large.WaitAsync(TimeSpan.FromSeconds(60));
    }

    [Fact]
    public async Task Draining_waits_for_calls_that_run_and_not_for_results_that_wait()
    {
        var gate = new StreamGate(callsMax: 4, bytesMax: 10);
        await gate.EnterAsync(1, CancellationToken.None);
        await gate.EnterAsync(1, CancellationToken.None);
        Task drained = gate.DrainAsync();
        gate.Finish();
        Assert.False(drained.IsCompleted);
        gate.Finish();
        await drained.WaitAsync(TimeSpan.FromSeconds(60));
        Assert.Equal(2, gate.Held);
    }

    [Fact]
    public async Task Closing_sends_away_who_waits_and_who_comes()
    {
        var gate = new StreamGate(callsMax: 1, bytesMax: 10);
        await gate.EnterAsync(1, CancellationToken.None);
        Task waiting = gate.EnterAsync(1, CancellationToken.None).AsTask();
        gate.Close();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(
            () => gate.EnterAsync(1, CancellationToken.None).AsTask());
    }

    [Fact]
    public async Task Whoever_enters_finishes_and_leaves_at_once_the_gate_ends_empty()
    {
        var gate = new StreamGate(callsMax: 8, bytesMax: 100);
        var work = new List<Task>();
        for (int i = 0; i < 2000; i++)
        {
            await gate.EnterAsync(10, CancellationToken.None);
            work.Add(Task.Run(() =>
            {
                gate.Hold(5);
                gate.Finish();
                gate.Leave(1, 15);
            }));
        }

        await gate.DrainAsync();
        await Task.WhenAll(work);
        Assert.Equal(0, gate.Held);
    }

    [Fact]
    public async Task When_it_was_full_for_long_calls_are_sent_away_until_half_of_it_is_free()
    {
        var time = new ManualTime();
        var gate = new StreamGate(callsMax: 4, bytesMax: 1000, TimeSpan.FromSeconds(1), time);
        for (int i = 0; i < 4; i++) Assert.True(await gate.EnterAsync(1, CancellationToken.None));
        Task<bool> waits = gate.EnterAsync(1, CancellationToken.None).AsTask();
        Assert.False(waits.IsCompleted);
        time.Advance(TimeSpan.FromSeconds(2));
        gate.Finish();
        gate.Leave(1, 1);
        Assert.True(await waits.WaitAsync(TimeSpan.FromSeconds(60)));
        // Full again, and never half free since: a result is held for each that is sent away, at most as many as there may be calls.
        for (int i = 0; i < 4; i++) Assert.False(await gate.EnterAsync(1, CancellationToken.None));
        Assert.Equal(8, gate.Held);
        waits = gate.EnterAsync(1, CancellationToken.None).AsTask();
        Assert.False(waits.IsCompleted);
        gate.Leave(4, 0);
        Assert.False(await waits.WaitAsync(TimeSpan.FromSeconds(60)));
        for (int i = 0; i < 3; i++) gate.Finish();
        gate.Leave(4, 3);
        Assert.True(await gate.EnterAsync(1, CancellationToken.None));
        for (int i = 0; i < 2; i++) Assert.True(await gate.EnterAsync(1, CancellationToken.None));
        waits = gate.EnterAsync(1, CancellationToken.None).AsTask();
        Assert.False(waits.IsCompleted);
        gate.Close();
        await Assert.ThrowsAsync<OperationCanceledException>(() => waits);
    }
}
