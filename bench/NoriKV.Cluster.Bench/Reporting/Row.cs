using Nori.Storage.Bench.Running;
using NoriKV.Cluster.Bench.Load;

namespace NoriKV.Cluster.Bench.Reporting;

/// <summary>One workload: the figure that its goal is about, on both sides.</summary>
internal sealed record Row
{
    public required string Workload { get; init; }

    /// <summary>ops/s, ms or µs.</summary>
    public required string Unit { get; init; }

    public required IReadOnlyList<double> OursRuns { get; init; }

    /// <summary>Empty where there is none to compare with.</summary>
    public IReadOnlyList<double> PeerRuns { get; init; } = [];

    /// <summary>Null: measured, without a goal of its own.</summary>
    public Goal? Goal { get; init; }

    /// <summary>What else was measured in these runs; empty where this row is a second figure of other rows' runs.</summary>
    public IReadOnlyList<Measured> Ours { get; init; } = [];

    public IReadOnlyList<Measured> Peer { get; init; } = [];

    public string? Note { get; init; }

    public double OursMedian => Statistics.Median(OursRuns);

    public double PeerMedian => PeerRuns.Count == 0 ? double.NaN : Statistics.Median(PeerRuns);

    public double Ratio => OursMedian / PeerMedian;

    public double Spread => Math.Max(Statistics.Spread(OursRuns), Statistics.Spread(PeerRuns));

    public bool? Holds => Goal?.Holds(OursMedian, Ratio);

    /// <summary>The median of something measured beside; NaN where it was not.</summary>
    public static double Beside(IReadOnlyList<Measured> runs, Func<Measured, double> figure) =>
        runs.Count == 0 ? double.NaN : Statistics.Median([.. runs.Select(figure)]);
}
