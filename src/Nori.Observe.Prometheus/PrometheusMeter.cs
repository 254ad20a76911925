using System.Buffers;
using System.Text;

namespace Nori.Observe.Prometheus;

/// <summary>
/// A meter whose series are written as Prometheus or OpenMetrics text when somebody scrapes. Counting takes some ten
/// nanoseconds and allocates nothing; handles are made at start, under a lock.
/// </summary>
/// <remarks>
/// Thread-safe. Wrong names, labels that are not allowed, one name used for two kinds, and too many series throw
/// <see cref="ArgumentException"/> where the handle is made. An observable series registered again takes the
/// new reader.
/// </remarks>
public sealed class PrometheusMeter : IMeter
{
    private readonly PrometheusOptions _options;
    private readonly Lock _gate = new();

    // Guarded by _gate, as is every family in it.
    private readonly SortedDictionary<string, MetricFamily> _families = new(StringComparer.Ordinal);

    /// <summary>An empty meter, but for what the options ask of the process and the runtime.</summary>
    public PrometheusMeter(PrometheusOptions? options = null)
    {
        _options = options ?? new PrometheusOptions();
        IReadOnlyList<string> problems = _options.Validate();
        if (problems.Count > 0) throw new ArgumentException(string.Join("; ", problems), nameof(options));
        if (_options.ProcessMetrics) ProcessMetrics.Register(this);
        if (_options.RuntimeMetrics) RuntimeMetrics.Register(this);
    }

    /// <inheritdoc/>
    public Counter Counter(string name, string help, params ReadOnlySpan<Label> labels) =>
        (Counter)GetOrAdd(name, help, MetricKind.Counter, labels, typeof(StripedCounter), () => new StripedCounter());

    /// <inheritdoc/>
    public Gauge Gauge(string name, string help, params ReadOnlySpan<Label> labels) =>
        (Gauge)GetOrAdd(name, help, MetricKind.Gauge, labels, typeof(AtomicGauge), () => new AtomicGauge());

    /// <inheritdoc/>
    public void ObservableGauge(string name, string help, Func<double> read, params ReadOnlySpan<Label> labels) =>
        Replace(_options.Prefix + name, help, MetricKind.Gauge, CheckedLabels(name, labels), new ObservedGauge(read));

    /// <inheritdoc/>
    public void ObservableCounter(string name, string help, Func<long> read, params ReadOnlySpan<Label> labels) =>
        Replace(
            _options.Prefix + name, help, MetricKind.Counter, CheckedLabels(name, labels), new ObservedCounter(read));

    /// <inheritdoc/>
    public Histogram Histogram(
        string name, string help, ReadOnlyMemory<double> buckets, params ReadOnlySpan<Label> labels)
    {
        double[] bounds = CheckedBounds(name, buckets.Span);
        StripedHistogram histogram = (StripedHistogram)GetOrAdd(
            name, help, MetricKind.Histogram, labels, typeof(StripedHistogram), () => new StripedHistogram(bounds));
        return histogram.Bounds.SequenceEqual(bounds)
            ? histogram
            : throw new ArgumentException($"{name} is in use with other buckets", nameof(buckets));
    }

    /// <summary>Writes every series as it is now: families by name, series by label.</summary>
    public void Write(IBufferWriter<byte> output, ExpositionFormat format = ExpositionFormat.PrometheusText)
    {
        (MetricFamily Family, MetricFamily.Series[] Series)[] families;
        lock (_gate) families = [.. _families.Values.Select(family => (family, family.Snapshot()))];

        // Readers run outside the lock: they are foreign code and may register in turn.
        SeriesWriter writer = new(output, format);
        foreach ((MetricFamily family, MetricFamily.Series[] series) in families)
        {
            writer.Family(family);
            foreach (MetricFamily.Series one in series) writer.Series(one);
        }

        writer.End();
    }

    /// <summary>Adds a series under its full name, with labels as written.</summary>
    internal void Replace(string fullName, string help, MetricKind kind, string labels, ISeriesSource source)
    {
        lock (_gate)
        {
            MetricFamily family = FamilyLocked(fullName, help, kind);
            if (family.Find(labels) is StripedCounter or AtomicGauge or StripedHistogram)
                throw new ArgumentException($"{fullName}{{{labels}}} is in use as a handle", nameof(fullName));
            CheckRoomLocked(family, labels);
            family.Set(labels, source);
        }
    }

    private static double[] CheckedBounds(string name, ReadOnlySpan<double> bounds)
    {
        // The last bucket is always there, so +Inf need not be given.
        if (bounds.Length > 0 && double.IsPositiveInfinity(bounds[^1])) bounds = bounds[..^1];
        for (int i = 0; i < bounds.Length; i++)
        {
            if (!double.IsFinite(bounds[i]) || (i > 0 && bounds[i] <= bounds[i - 1]))
                throw new ArgumentException($"the buckets of {name} must be finite and rise", nameof(bounds));
        }

        if (bounds.IsEmpty) throw new ArgumentException($"{name} has no buckets", nameof(bounds));
        return bounds.ToArray();
    }

    private ISeriesSource GetOrAdd(
        string name, string help, MetricKind kind, ReadOnlySpan<Label> labels, Type type, Func<ISeriesSource> create)
    {
        string written = CheckedLabels(name, labels);
        lock (_gate)
        {
            MetricFamily family = FamilyLocked(_options.Prefix + name, help, kind);
            if (family.Find(written) is { } existing)
            {
                return existing.GetType() == type
                    ? existing
                    : throw new ArgumentException($"{name} is in use as an observable", nameof(name));
            }

            CheckRoomLocked(family, written);
            ISeriesSource source = create();
            family.Set(written, source);
            return source;
        }
    }

    private MetricFamily FamilyLocked(string fullName, string help, MetricKind kind)
    {
        if (_families.TryGetValue(fullName, out MetricFamily? family))
        {
            return family.Kind == kind
                ? family
                : throw new ArgumentException($"{fullName} is a {family.Kind} already, not a {kind}", nameof(fullName));
        }

        if (!MetricNames.IsName(fullName))
            throw new ArgumentException($"'{fullName}' is not a metric's name", nameof(fullName));
        if (fullName.EndsWith("_total", StringComparison.Ordinal) != (kind == MetricKind.Counter))
        {
            throw new ArgumentException(
                $"{fullName}: the names of counters, and only theirs, end in _total", nameof(fullName));
        }

        ArgumentException.ThrowIfNullOrWhiteSpace(help);
        family = new MetricFamily(fullName, help, kind);
        _families.Add(fullName, family);
        return family;
    }

    private void CheckRoomLocked(MetricFamily family, string labels)
    {
        if (family.Count >= _options.SeriesPerMetricMax && family.Find(labels) is null)
        {
            throw new ArgumentException(
                $"{family.Name} has {family.Count} series, the most allowed (SeriesPerMetricMax)", nameof(labels));
        }
    }

    private string CheckedLabels(string name, ReadOnlySpan<Label> labels)
    {
        if (labels.IsEmpty) return string.Empty;
        Label[] sorted = labels.ToArray();
        Array.Sort(sorted, (a, b) => string.CompareOrdinal(a.Name, b.Name));
        StringBuilder text = new();
        for (int i = 0; i < sorted.Length; i++)
        {
            string label = sorted[i].Name;
            bool allowed = MetricNames.IsLabel(label) && (_options.AllowedLabels?.Contains(label) ?? true);
            if (!allowed) throw new ArgumentException($"{name} may not have the label '{label}'", nameof(labels));
            if (i > 0 && label == sorted[i - 1].Name)
                throw new ArgumentException($"{name} has the label '{label}' twice", nameof(labels));
            text.Append(i > 0 ? "," : "").Append(label).Append("=\"");
            text.Append(SeriesWriter.EscapeLabel(sorted[i].Value)).Append('"');
        }

        return text.ToString();
    }
}
