namespace Nori.Observe.Otlp;

/// <summary>Runs an <see cref="OtlpExporter"/> in the background.</summary>
public sealed class OtlpLoop : IAsyncDisposable
{
    private static readonly TimeSpan Tick = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan FlushMax = TimeSpan.FromSeconds(1);

    private readonly OtlpExporter _exporter;
    private readonly CancellationTokenSource _stop = new();
    private readonly TimeProvider _time;
    private readonly Task _running;
    private int _disposed;

    /// <summary>Starts; the exporter is disposed with the loop.</summary>
    /// <param name="exporter">What it runs.</param>
    /// <param name="onProblem">Told each time what went wrong changes, null when all is well again; must not throw.</param>
    /// <param name="time">Its clock.</param>
    public OtlpLoop(OtlpExporter exporter, Action<string?>? onProblem = null, TimeProvider? time = null)
    {
        _exporter = exporter;
        _time = time ?? TimeProvider.System;
        _running = Task.Run(() => RunAsync(onProblem));
    }

    /// <summary>Sends what waits, for at most a second, and ends. Idempotent.</summary>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _disposed, 1) != 0) return;
        await _stop.CancelAsync().ConfigureAwait(false);
        await _running.ConfigureAwait(false);
        using var limit = new CancellationTokenSource(FlushMax, _time);
        try
        {
            await _exporter.FlushAsync(limit.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            // The collector did not answer in time.
        }

        _exporter.Dispose();
        _stop.Dispose();
    }

    private async Task RunAsync(Action<string?>? onProblem)
    {
        using var timer = new PeriodicTimer(Tick, _time);
        string? told = null;
        try
        {
            while (await timer.WaitForNextTickAsync(_stop.Token).ConfigureAwait(false))
            {
                while (await _exporter.RunOnceAsync(_stop.Token).ConfigureAwait(false))
                {
                }

                if (_exporter.Problem == told) continue;
                told = _exporter.Problem;
                onProblem?.Invoke(told);
            }
        }
        catch (OperationCanceledException)
        {
            // The end of the loop.
        }
    }
}
