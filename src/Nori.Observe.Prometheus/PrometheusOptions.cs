namespace Nori.Observe.Prometheus;

/// <summary>How a <see cref="PrometheusMeter"/> names and guards its series.</summary>
public sealed record PrometheusOptions
{
    /// <summary>Put before each metric's name, but not before the process's and the runtime's.</summary>
    /// <value>Default: <c>norikv_</c>.</value>
    public string Prefix { get; init; } = "norikv_";

    /// <summary>
    /// The label names that may be used; null for any. A label with unbounded values would flood the server
    /// that scrapes.
    /// </summary>
    /// <value>Default: the names that <see cref="IMeter"/> lists.</value>
    public IReadOnlyCollection<string>? AllowedLabels { get; init; } =
    [
        "node_id", "shard_id", "peer_id", "cluster_id", "name", "role", "level", "operation", "status", "result", "stage", "state",
        "reason", "kind", "version",
    ];

    /// <summary>The most series one metric may have; more are refused with an exception at start.</summary>
    /// <value>Default: 10,000.</value>
    public int SeriesPerMetricMax { get; init; } = 10_000;

    /// <summary>Whether the standard <c>process_*</c> metrics are written too.</summary>
    /// <value>Default: true.</value>
    public bool ProcessMetrics { get; init; } = true;

    /// <summary>Whether the <c>dotnet_*</c> metrics of the runtime are written too.</summary>
    /// <value>Default: true.</value>
    public bool RuntimeMetrics { get; init; } = true;

    /// <summary>The clock of exemplars.</summary>
    /// <value>Default: the system's.</value>
    public TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>Everything that is wrong with these options; empty when they can be used.</summary>
    public IReadOnlyList<string> Validate()
    {
        List<string> problems = [];
        if (Prefix.Length > 0 && !MetricNames.IsName(Prefix))
            problems.Add($"Prefix '{Prefix}' cannot begin a metric's name");
        if (SeriesPerMetricMax < 1) problems.Add("SeriesPerMetricMax must be at least 1");
        foreach (string label in AllowedLabels ?? [])
        {
            if (!MetricNames.IsLabel(label))
                problems.Add($"AllowedLabels holds '{label}', which is not a label's name");
        }

        return problems;
    }
}
