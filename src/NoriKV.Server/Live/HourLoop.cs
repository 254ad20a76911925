namespace NoriKV.Server.Live;

/// <summary>Takes a sample of the own figures now and then, whoever watches: a fraction of a millisecond each time.</summary>
internal sealed class HourLoop : IAsyncDisposable
{
    private readonly PeriodicTimer _timer;
    private readonly Task _running;

    public HourLoop(HourLog log, PictureMaker maker, TimeSpan period, TimeProvider time)
    {
        _timer = new PeriodicTimer(period, time);
        _running = RunAsync(log, maker, time);
    }

    public async ValueTask DisposeAsync()
    {
        _timer.Dispose();
        await _running.ConfigureAwait(false);
    }

    private async Task RunAsync(HourLog log, PictureMaker maker, TimeProvider time)
    {
        while (await _timer.WaitForNextTickAsync().ConfigureAwait(false))
            log.Add(time.GetUtcNow().ToUnixTimeMilliseconds(), maker.Figures());
    }
}
