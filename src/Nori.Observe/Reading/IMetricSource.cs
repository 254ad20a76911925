namespace Nori.Observe;

/// <summary>Metrics that can be read, for exporters: a meter that keeps what it measures.</summary>
public interface IMetricSource
{
    /// <summary>Shows every family and its series as they are now, families by name, series by labels.</summary>
    /// <remarks>A series whose reader throws is left out.</remarks>
    void Visit(IMetricVisitor visitor);
}
