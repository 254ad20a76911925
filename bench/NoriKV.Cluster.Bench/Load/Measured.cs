namespace NoriKV.Cluster.Bench.Load;

/// <summary>One run of one row on one side.</summary>
/// <param name="PerSecond">Operations a second.</param>
/// <param name="MeanMs">Mean time of an operation.</param>
/// <param name="P95Ms">95th percentile; NaN where the load generator tells none.</param>
/// <param name="NodesMicros">Processor time of all nodes together, an operation.</param>
/// <param name="LoadMicros">The load generator's, an operation.</param>
internal readonly record struct Measured(double PerSecond, double MeanMs, double P95Ms, double NodesMicros, double LoadMicros);
