namespace Nori.Observe.Prometheus;

/// <summary>What the TYPE line says.</summary>
internal enum MetricKind
{
    Counter,
    Gauge,
    Histogram,
}
