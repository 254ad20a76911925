using Nori.Storage.Bench.Running;

namespace Nori.Storage.Bench.Reporting;

/// <summary>One workload measured on both sides.</summary>
internal sealed record Row
{
    public required string Workload { get; init; }

    /// <summary>What the figures count: ops/s, or MB where less is better.</summary>
    public string Unit { get; init; } = "ops/s";

    public required IReadOnlyList<double> OursRuns { get; init; }

    public required IReadOnlyList<double> PeerRuns { get; init; }

    /// <summary>Null: measured, without a goal of its own.</summary>
    public Goal? Goal { get; init; }

    /// <summary>The same work by db_bench; null where it has none or was not asked.</summary>
    public double? DbBench { get; set; }

    /// <summary>The share of the peer's time that is spent on crossing into the library.</summary>
    public double? BindingShare { get; init; }

    /// <summary>Microseconds of processor time an operation, our side; null where none was taken.</summary>
    public double? OursCpu { get; init; }

    /// <summary>As <see cref="OursCpu"/>, the peer's.</summary>
    public double? PeerCpu { get; init; }

    public string? Note { get; init; }

    public double Ours => Statistics.Median(OursRuns);

    /// <summary>NaN where there is none to compare with.</summary>
    public double Peer => PeerRuns.Count == 0 ? double.NaN : Statistics.Median(PeerRuns);

    public double Ratio => Ours / Peer;

    public double Spread => Math.Max(Statistics.Spread(OursRuns), Statistics.Spread(PeerRuns));

    public string GoalText => Goal?.Describe(Unit) ?? "";

    public bool? Holds => Goal?.Holds(Ours, Ratio);
}
