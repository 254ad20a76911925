namespace Nori.Observe.Prometheus;

/// <summary>The text formats a scraper can ask for.</summary>
public enum ExpositionFormat
{
    /// <summary>Prometheus text exposition, version 0.0.4.</summary>
    PrometheusText,

    /// <summary>OpenMetrics text, version 1.0.0.</summary>
    OpenMetrics,
}
