namespace NoriKV.Cli.Bench;

/// <summary>What a benchmark measured.</summary>
internal sealed class BenchReport
{
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

    /// <summary>How long it measured.</summary>
    public TimeSpan Took { get; set; }

    /// <summary>Processor time of this process while it measured.</summary>
    public TimeSpan Processor { get; set; }

    /// <summary>Operations a second.</summary>
    public double Throughput => All.Count / Math.Max(Took.TotalSeconds, 1e-9);

    /// <summary>Processor time of this process for one operation.</summary>
    public double ProcessorMicrosecondsPerOperation => All.Count == 0 ? 0 : Processor.TotalMicroseconds / All.Count;

    /// <summary>Counts a failure.</summary>
    public void Failed(string what)
    {
        lock (Errors) Errors[what] = Errors.GetValueOrDefault(what) + 1;
    }
}
