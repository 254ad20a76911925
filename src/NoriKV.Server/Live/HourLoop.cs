namespace NoriKV.Server.Live;

/// <summary>Takes a sample of the own node now and then, whoever watches: a fraction of a millisecond each time.</summary>
internal sealed class HourLoop : IAsyncDisposable
{
    private readonly PeriodicTimer _timer;
    private readonly Task _running;

    public HourLoop(HourLog log, PictureMaker maker, HourEvents events, TimeSpan period, TimeProvider time)
    {
        _timer = new PeriodicTimer(period, time);
        _running = RunAsync(log, maker, events, time);
    }

    public async ValueTask DisposeAsync()
    {
        _timer.Dispose();
        await _running.ConfigureAwait(false);
    }

    private async Task RunAsync(HourLog log, PictureMaker maker, HourEvents events, TimeProvider time)
    {
        do
        {
            maker.Remember(log, time.GetUtcNow().ToUnixTimeMilliseconds());
            events.Look();
        }
        while (await _timer.WaitForNextTickAsync().ConfigureAwait(false));
    }
}
