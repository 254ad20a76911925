using System.Buffers;

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
public sealed class PrometheusMeter : IMeter, IMetricSource
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
            name, help, MetricKind.Histogram, labels, typeof(StripedHistogram), () => new StripedHistogram(bounds, _options.Time));
        return histogram.Bounds.SequenceEqual(bounds)
            ? histogram
            : throw new ArgumentException($"{name} is in use with other buckets", nameof(buckets));
    }

    /// <summary>Writes every series as it is now: families by name, series by label.</summary>
    public void Write(IBufferWriter<byte> output, ExpositionFormat format = ExpositionFormat.PrometheusText)
    {
        // Readers run outside the lock: they are foreign code and may register in turn.
        SeriesWriter writer = new(output, format);
        foreach ((MetricFamily family, MetricFamily.Series[] series) in Families())
        {
            writer.Family(family);
            foreach (MetricFamily.Series one in series) writer.Series(one);
        }

        writer.End();
    }

    /// <inheritdoc/>
    public void Visit(IMetricVisitor visitor)
    {
        foreach ((MetricFamily family, MetricFamily.Series[] series) in Families())
        {
            visitor.Family(family.Name, family.Help, family.Kind);
            foreach (MetricFamily.Series one in series) Visit(visitor, one);
        }
    }

    private static void Visit(IMetricVisitor visitor, in MetricFamily.Series series)
    {
        try
        {
            series.Source.Visit(visitor, series.Sorted);
        }
#pragma warning disable CA1031 // The callback is foreign code (for example of a component that was just closed).
        catch (Exception)
        {
            // Left out: one bad reader must not cost the export.
        }
#pragma warning restore CA1031
    }

    private (MetricFamily Family, MetricFamily.Series[] Series)[] Families()
    {
        lock (_gate) return [.. _families.Values.Select(family => (family, family.Snapshot()))];
    }

    /// <summary>Adds a series under its full name.</summary>
    internal void Replace(string fullName, string help, MetricKind kind, in SeriesLabels labels, ISeriesSource source)
    {
        lock (_gate)
        {
            MetricFamily family = FamilyLocked(fullName, help, kind);
            if (family.Find(labels.Written) is StripedCounter or AtomicGauge or StripedHistogram)
                throw new ArgumentException($"{fullName}{{{labels.Written}}} is in use as a handle", nameof(fullName));
            CheckRoomLocked(family, labels.Written);
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
        SeriesLabels checkedLabels = CheckedLabels(name, labels);
        lock (_gate)
        {
            MetricFamily family = FamilyLocked(_options.Prefix + name, help, kind);
            if (family.Find(checkedLabels.Written) is { } existing)
            {
                return existing.GetType() == type
                    ? existing
                    : throw new ArgumentException($"{name} is in use as an observable", nameof(name));
            }

            CheckRoomLocked(family, checkedLabels.Written);
            ISeriesSource source = create();
            family.Set(checkedLabels, source);
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

    private SeriesLabels CheckedLabels(string name, ReadOnlySpan<Label> labels)
    {
        SeriesLabels result = SeriesLabels.Of(labels);
        for (int i = 0; i < result.Sorted.Length; i++)
        {
            string label = result.Sorted[i].Name;
            bool allowed = MetricNames.IsLabel(label) && (_options.AllowedLabels?.Contains(label) ?? true);
            if (!allowed) throw new ArgumentException($"{name} may not have the label '{label}'", nameof(labels));
            if (i > 0 && label == result.Sorted[i - 1].Name)
                throw new ArgumentException($"{name} has the label '{label}' twice", nameof(labels));
        }

        return result;
    }
}
