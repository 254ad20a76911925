namespace Nori.Storage.Bench.Running;

/// <summary>What a timed run found.</summary>
/// <param name="Rate">Operations a second.</param>
/// <param name="CpuMicros">
/// Processor time an operation took, background threads included; steadier than the rate on a machine that others
/// use too.
/// </param>
internal readonly record struct Measured(double Rate, double CpuMicros);
