namespace Nori.Observe;

/// <summary>A measured value and the trace it came from.</summary>
/// <param name="Value">In the unit of the metric.</param>
/// <param name="Trace">Where to look.</param>
/// <param name="Time">When.</param>
public readonly record struct Exemplar(double Value, TraceContext Trace, DateTimeOffset Time);
