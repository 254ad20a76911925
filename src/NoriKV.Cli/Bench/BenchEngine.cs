using Nori.Core;
using NoriKV.Client;

namespace NoriKV.Cli.Bench;

/// <summary>
/// Runs a workload. Without a rate each worker sends its next operation when the last is answered, and latency is the
/// time of the answer. With a rate, operation i is due at start + i / rate whether or not earlier ones are answered, and
/// latency counts from when it was due: a stall of the server shows in every operation it delayed, not in one
/// (coordinated omission avoided).
/// </summary>
internal sealed class BenchEngine(INoriKV store, BenchOptions options, TimeProvider time)
{
    private readonly Workload _workload = new(options);
    private readonly Func<TimeSpan> _processorTime = static () => Environment.CpuUsage.TotalTime;
    private long _due = -1;

    /// <summary>Told each second how many operations were measured.</summary>
    public Action<long, TimeSpan> OnProgress { get; init; } = static (_, _) => { };

    /// <summary>Writes every key once.</summary>
    public async Task LoadAsync(CancellationToken cancellationToken)
    {
        long next = -1;
        await WorkersAsync(async random =>
        {
            long number;
            while ((number = Interlocked.Increment(ref next)) < options.Keys)
            {
                await _workload.LoadAsync(store, number, random, cancellationToken).ConfigureAwait(false);
            }
        }).ConfigureAwait(false);
    }

    /// <summary>Warms up, measures, and answers what was measured.</summary>
    public async Task<BenchReport> RunAsync(CancellationToken cancellationToken)
    {
        if (options.WarmUp > TimeSpan.Zero)
        {
            await PhaseAsync(options.WarmUp, new BenchReport(), cancellationToken).ConfigureAwait(false);
        }

        var report = new BenchReport();
        TimeSpan before = _processorTime();
        report.Took = await PhaseAsync(options.Duration, report, cancellationToken).ConfigureAwait(false);
        report.Processor = _processorTime() - before;
        return report;
    }

    private async Task<TimeSpan> PhaseAsync(TimeSpan duration, BenchReport report, CancellationToken cancellationToken)
    {
        long start = time.GetTimestamp();
        _due = -1;
        long shown = 0;
        await WorkersAsync(async random =>
        {
            while (true)
            {
                TimeSpan due = options.Rate > 0
                    ? TimeSpan.FromSeconds(Interlocked.Increment(ref _due) / options.Rate)
                    : time.GetElapsedTime(start);
                if (due >= duration) return;
                await UntilAsync(start, due, cancellationToken).ConfigureAwait(false);
                await MeasureAsync(random, report, start, due, cancellationToken).ConfigureAwait(false);
                long second = (long)time.GetElapsedTime(start).TotalSeconds;
                long last = Volatile.Read(ref shown);
                if (second > last && Interlocked.CompareExchange(ref shown, second, last) == last)
                {
                    OnProgress(report.All.Count, time.GetElapsedTime(start));
                }
            }
        }).ConfigureAwait(false);
        return time.GetElapsedTime(start);
    }

    private async ValueTask MeasureAsync(
        Prng random, BenchReport report, long start, TimeSpan due, CancellationToken cancellationToken)
    {
        try
        {
            OperationKind kind = await _workload.RunAsync(store, random, cancellationToken).ConfigureAwait(false);
            long nanoseconds = (long)((time.GetElapsedTime(start) - due).TotalMicroseconds * 1000);
            report.Latencies[kind].Record(nanoseconds);
            report.All.Record(nanoseconds);
        }
        catch (NoriKVException e)
        {
            report.Failed(e.Code.ToString());
        }
    }

    // Timers are coarse: the last stretch is yielded through, so that an operation starts within microseconds of its time.
    private async ValueTask UntilAsync(long start, TimeSpan due, CancellationToken cancellationToken)
    {
        if (options.Rate <= 0) return;
        while (true)
        {
            cancellationToken.ThrowIfCancellationRequested();
            TimeSpan left = due - time.GetElapsedTime(start);
            if (left <= TimeSpan.Zero) return;
            if (left > TimeSpan.FromMilliseconds(3))
            {
                await Task.Delay(left - TimeSpan.FromMilliseconds(2), time, cancellationToken).ConfigureAwait(false);
            }
            else
            {
                await Task.Yield();
            }
        }
    }

    private async Task WorkersAsync(Func<Prng, Task> work)
    {
        var seeds = new Prng(options.Seed);
        Task[] workers = new Task[options.Concurrency];
        for (int i = 0; i < workers.Length; i++)
        {
            Prng random = seeds.Fork();
            workers[i] = Task.Run(() => work(random));
        }

        await Task.WhenAll(workers).ConfigureAwait(false);
    }
}
