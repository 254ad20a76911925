using NoriKV.Cli.Console;
using NoriKV.Client;

namespace NoriKV.Cli.Bench;

/// <summary>What a benchmark measured.</summary>
internal sealed class BenchReport
{
    private readonly HashSet<OperationKind> _failed = [];
    private bool _onlyUnavailable = true;

    /// <summary>By kind; each in nanoseconds.</summary>
    public IReadOnlyDictionary<OperationKind, LatencyHistogram> Latencies { get; } =
        new SortedDictionary<OperationKind, LatencyHistogram>
    {
        [OperationKind.Get] = new(),
        [OperationKind.Put] = new(),
        [OperationKind.Delete] = new(),
    };

    /// <summary>All kinds together.</summary>
    public LatencyHistogram All { get; } = new();

    /// <summary>Operations that failed, by what was said.</summary>
    public SortedDictionary<string, long> Errors { get; } = new(StringComparer.Ordinal);

    /// <summary>The failure that came first; null while there is none.</summary>
    public NoriKVException? FirstFailure { get; private set; }

    /// <summary>
    /// What the run is to a script. Done when something was, and of every kind that failed something, too: where
    /// reads of missing keys go well and each write is refused, nothing was measured that one would want. Otherwise
    /// no, or unavailable when only the reach of the nodes was in the way.
    /// </summary>
    public int Exit =>
        All.Count > 0 && _failed.All(kind => Latencies[kind].Count > 0) ? ExitCode.Ok
        : _onlyUnavailable ? ExitCode.Unavailable
        : ExitCode.No;

    /// <summary>How long it measured.</summary>
    public TimeSpan Took { get; set; }

    /// <summary>Processor time of this process while it measured.</summary>
    public TimeSpan Processor { get; set; }

    /// <summary>Operations a second.</summary>
    public double Throughput => All.Count / Math.Max(Took.TotalSeconds, 1e-9);

    /// <summary>Processor time of this process for one operation.</summary>
    public double ProcessorMicrosecondsPerOperation => All.Count == 0 ? 0 : Processor.TotalMicroseconds / All.Count;

    /// <summary>Counts an operation that was never sent.</summary>
    public void NotSent()
    {
        lock (Errors) Errors["NotSent"] = Errors.GetValueOrDefault("NotSent") + 1;
    }

    /// <summary>Counts a failure.</summary>
    public void Failed(OperationKind kind, NoriKVException failure)
    {
        string what = failure.Code.ToString();
        lock (Errors)
        {
            Errors[what] = Errors.GetValueOrDefault(what) + 1;
            FirstFailure ??= failure;
            _failed.Add(kind);
            _onlyUnavailable &= ExitCode.Of(failure.Code) == ExitCode.Unavailable;
        }
    }
}
