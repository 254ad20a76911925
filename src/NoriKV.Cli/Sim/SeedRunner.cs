using NoriKV.TestKit.Simulation;

namespace NoriKV.Cli.Sim;

/// <summary>Runs seeds one after the other, as many at once as asked for; each run keeps to one thread.</summary>
internal sealed class SeedRunner(SimulationOptions options, int jobs)
{
    private readonly Lock _lock = new();
    private ulong _next = options.Seed;

    /// <summary>
    /// Runs seeds from the options' one on while <paramref name="mayGoOn"/> says so (it gets the number of seeds begun);
    /// <paramref name="finished"/> is called for each, one at a time. The seeds that ran have no gaps.
    /// </summary>
    public async Task RunAsync(Func<ulong, bool> mayGoOn, Action<SimulationReport> finished, CancellationToken token)
    {
        Task[] workers = [.. Enumerable.Range(0, jobs).Select(_ => Task.Run(() => Work(mayGoOn, finished, token), CancellationToken.None))];
        await Task.WhenAll(workers).ConfigureAwait(false);
        token.ThrowIfCancellationRequested();
    }

    private void Work(Func<ulong, bool> mayGoOn, Action<SimulationReport> finished, CancellationToken token)
    {
        while (!token.IsCancellationRequested)
        {
            ulong seed;
            lock (_lock)
            {
                if (!mayGoOn(_next - options.Seed)) return;
                seed = _next++;
            }

            SimulationReport report = ClusterSimulation.Run(options with { Seed = seed, StoryLinesMax = 0 });
            lock (_lock) finished(report);
        }
    }
}
