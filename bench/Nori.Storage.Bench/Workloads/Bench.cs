using Nori.Storage.Bench.Engines;
using Nori.Storage.Bench.Reporting;
using Nori.Storage.Bench.Running;

namespace Nori.Storage.Bench.Workloads;

/// <summary>What the workloads share: options, report, fresh directories, and the order of the two sides.</summary>
internal sealed class Bench(BenchOptions options, Report report)
{
    private int _directories;

    public BenchOptions Options => options;

    public Report Report => report;

    public EngineSettings Fresh(EngineKind kind) => new()
    {
        Directory = Path.Combine(options.Directory, $"{kind}-{_directories++}".ToLowerInvariant()),
        WriteBufferBytes = options.WriteBufferBytes,
    };

    public StorageEngine Open(EngineKind kind) => StorageEngine.Open(kind, Fresh(kind));

    /// <summary>
    /// Measures both sides in turn, the other one first each time, so that a machine that slows down or speeds up
    /// meanwhile does it to both.
    /// </summary>
    public void Compare(string workload, Goal? goal, Func<EngineKind, double> run, Calls calls = default, int threads = 1)
    {
        if (!options.Wants(workload)) return;
        var ours = new List<double>();
        var peer = new List<double>();
        for (int i = 0; i < options.Repetitions; i++)
        {
            foreach (EngineKind kind in i % 2 == 0 ? [EngineKind.Ours, EngineKind.Peer] : new[] { EngineKind.Peer, EngineKind.Ours })
                (kind == EngineKind.Ours ? ours : peer).Add(run(kind));
        }

        report.Add(new Row
        {
            Workload = workload,
            OursRuns = ours,
            PeerRuns = peer,
            Goal = goal,
            BindingShare = calls == default ? null : calls.Share(Statistics.Median(peer) / threads, report.CallCost),
        });
    }

    public static void Remove(StorageEngine engine)
    {
        engine.Dispose();
        Directory.Delete(engine.Settings.Directory, recursive: true);
    }
}
