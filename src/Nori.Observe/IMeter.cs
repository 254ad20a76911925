namespace Nori.Observe;

/// <summary>
/// Makes the handles through which a component measures itself. Handles are made once, at start, and kept.
/// </summary>
/// <remarks>
/// Thread-safe. Asking twice for one name and the same labels gives the same handle. Names follow Prometheus
/// conventions without the exporter's prefix (base units, <c>_total</c> for counters). Labels allowed: node_id,
/// shard_id, peer_id, cluster_id, name, role, level, operation, status, result, stage, state, reason, kind, version; never a key,
/// client or address.
/// </remarks>
public interface IMeter
{
    /// <summary>A count that only rises.</summary>
    Counter Counter(string name, string help, params ReadOnlySpan<Label> labels);

    /// <summary>A value that goes up and down, set by its owner.</summary>
    Gauge Gauge(string name, string help, params ReadOnlySpan<Label> labels);

    /// <summary>
    /// A gauge read when somebody looks; nothing on the hot path. <see cref="double.NaN"/> says that there is nothing to say now: the
    /// series is left out.
    /// </summary>
    void ObservableGauge(string name, string help, Func<double> read, params ReadOnlySpan<Label> labels);

    /// <summary>A counter read when somebody looks.</summary>
    void ObservableCounter(string name, string help, Func<long> read, params ReadOnlySpan<Label> labels);

    /// <summary>A distribution over fixed buckets.</summary>
    /// <param name="name">The metric's name, with its unit.</param>
    /// <param name="help">One sentence for people.</param>
    /// <param name="buckets">Upper bounds, rising; see <see cref="Buckets"/>.</param>
    /// <param name="labels">The series.</param>
    Histogram Histogram(string name, string help, ReadOnlyMemory<double> buckets, params ReadOnlySpan<Label> labels);
}
