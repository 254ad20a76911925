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
    private static readonly TimeSpan GiveUp = TimeSpan.FromSeconds(5);

    private readonly Workload _workload = new(options);
    private readonly Func<TimeSpan> _processorTime = static () => Environment.CpuUsage.TotalTime;

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

    private Task<TimeSpan> PhaseAsync(TimeSpan duration, BenchReport report, CancellationToken cancellationToken) =>
        options.Rate > 0
            ? ScheduledAsync(duration, report, cancellationToken)
            : ClosedAsync(duration, report, cancellationToken);

    private async Task<TimeSpan> ClosedAsync(TimeSpan duration, BenchReport report, CancellationToken cancellationToken)
    {
        long start = time.GetTimestamp();
        var progress = new Second();
        await WorkersAsync(async random =>
        {
            TimeSpan now;
            while ((now = time.GetElapsedTime(start)) < duration)
            {
                await MeasureAsync(random, report, start, now, cancellationToken).ConfigureAwait(false);
                if (progress.IsNew(now)) OnProgress(report.All.Count, now);
            }
        }).ConfigureAwait(false);
        return time.GetElapsedTime(start);
    }

    private async Task<TimeSpan> ScheduledAsync(TimeSpan duration, BenchReport report, CancellationToken cancellationToken)
    {
        long start = time.GetTimestamp();
        var progress = new Second();
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var pacer = new PacerLoop(options.Rate, duration, start, time, stop.Token);
        await WorkersAsync(async random =>
        {
            while (await pacer.NextAsync(cancellationToken).ConfigureAwait(false) is { } due)
            {
                TimeSpan now = time.GetElapsedTime(start);
                // A node far slower than the rate would keep us for ever: what is this late is given up and told.
                if (now > duration + duration + GiveUp) report.NotSent();
                else await MeasureAsync(random, report, start, due, cancellationToken).ConfigureAwait(false);
                if (progress.IsNew(now)) OnProgress(report.All.Count, now);
            }
        }).ConfigureAwait(false);
        await stop.CancelAsync().ConfigureAwait(false);
        return time.GetElapsedTime(start);
    }

    private async ValueTask MeasureAsync(
        Prng random, BenchReport report, long start, TimeSpan due, CancellationToken cancellationToken)
    {
        OperationKind kind = _workload.Draw(random);
        try
        {
            await _workload.RunAsync(store, kind, random, cancellationToken).ConfigureAwait(false);
            long nanoseconds = (long)((time.GetElapsedTime(start) - due).TotalMicroseconds * 1000);
            report.Latencies[kind].Record(nanoseconds);
            report.All.Record(nanoseconds);
        }
        catch (NoriKVException e)
        {
            report.Failed(kind, e);
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

    /// <summary>Says once for each second that it has come.</summary>
    private sealed class Second
    {
        private long _last;

        public bool IsNew(TimeSpan now)
        {
            long last = Volatile.Read(ref _last), second = (long)now.TotalSeconds;
            return second > last && Interlocked.CompareExchange(ref _last, second, last) == last;
        }
    }
}
