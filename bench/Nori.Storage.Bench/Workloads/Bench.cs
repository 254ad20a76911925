using Nori.Storage.Bench.Engines;
using Nori.Storage.Bench.Reporting;
using Nori.Storage.Bench.Running;

namespace Nori.Storage.Bench.Workloads;

/// <summary>What the workloads share: options, report, fresh directories, and the order of the two sides.</summary>
internal sealed class Bench(BenchOptions options, Report report)
{
    // A quick or short run leaves the rest out when a slow or busy machine would make it longer than promised.
    private static readonly TimeSpan QuickBudget = TimeSpan.FromSeconds(130);
    private static readonly TimeSpan ShortBudget = TimeSpan.FromMinutes(9);

    private static readonly EngineKind[] OursFirst = [EngineKind.Ours, EngineKind.Peer];
    private static readonly EngineKind[] PeerFirst = [EngineKind.Peer, EngineKind.Ours];

    private readonly List<string> _leftOut = [];
    private int _directories;

    public BenchOptions Options => options;

    public Report Report => report;

    /// <summary>Rows that a quick run had no time for.</summary>
    public IReadOnlyList<string> LeftOut => _leftOut;

    /// <summary>Whether the row is asked for and there is time for it.</summary>
    public bool Wants(string workload)
    {
        if (!options.Wants(workload)) return false;
        TimeSpan budget = options.Quick ? QuickBudget : options.Short ? ShortBudget : TimeSpan.MaxValue;
        if (report.Elapsed < budget) return true;
        if (!_leftOut.Contains(workload)) _leftOut.Add(workload);
        return false;
    }

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
    public void Compare(
        string workload, Goal? goal, Func<EngineKind, Measured> run, Calls calls = default, Func<string>? note = null)
    {
        if (!Wants(workload)) return;
        var ours = new List<Measured>();
        var peer = new List<Measured>();
        for (int i = 0; i < options.Repetitions; i++)
        {
            foreach (EngineKind kind in i % 2 == 0 ? OursFirst : PeerFirst)
                (kind == EngineKind.Ours ? ours : peer).Add(run(kind));
        }

        double peerCpu = Statistics.Median([.. peer.Select(run => run.CpuMicros)]);
        report.Add(new Row
        {
            Workload = workload,
            OursRuns = [.. ours.Select(run => run.Rate)],
            PeerRuns = [.. peer.Select(run => run.Rate)],
            OursCpu = Statistics.Median([.. ours.Select(run => run.CpuMicros)]),
            PeerCpu = peerCpu,
            Goal = goal,
            BindingShare = calls == default ? null : calls.Share(peerCpu, report.CallCost),
            Note = note?.Invoke(),
        });
    }

    public static void Remove(StorageEngine engine)
    {
        engine.Dispose();
        Directory.Delete(engine.Settings.Directory, recursive: true);
    }
}
