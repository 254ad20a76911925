namespace Nori.Observe;

/// <summary>What a metric is.</summary>
public enum MetricKind
{
    /// <summary>A count that only rises.</summary>
    Counter,

    /// <summary>A value that goes up and down.</summary>
    Gauge,

    /// <summary>A distribution over buckets.</summary>
    Histogram,
}
