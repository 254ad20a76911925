namespace Nori.Observe;

/// <summary>Is shown metrics: a family, then its series. What it is given is valid during the call.</summary>
public interface IMetricVisitor
{
    /// <summary>The series that follow are of this family.</summary>
    void Family(string name, string help, MetricKind kind);

    /// <summary>A counter's or a gauge's whole number.</summary>
    void Number(ReadOnlySpan<Label> labels, long value);

    /// <summary>A counter's or a gauge's number.</summary>
    void Number(ReadOnlySpan<Label> labels, double value);

    /// <summary>A distribution.</summary>
    void Histogram(ReadOnlySpan<Label> labels, HistogramSnapshot snapshot);
}
