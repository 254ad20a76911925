namespace Nori.Observe;

/// <summary>Measures into several meters at once. Its handles allocate nothing.</summary>
public sealed class TeeMeter(params IMeter[] targets) : IMeter
{
    private readonly IMeter[] _targets = [.. targets];

    /// <inheritdoc/>
    public Counter Counter(string name, string help, params ReadOnlySpan<Label> labels)
    {
        Counter[] handles = new Counter[_targets.Length];
        for (int i = 0; i < handles.Length; i++) handles[i] = _targets[i].Counter(name, help, labels);
        return new TeeCounter(handles);
    }

    /// <inheritdoc/>
    public Gauge Gauge(string name, string help, params ReadOnlySpan<Label> labels)
    {
        Gauge[] handles = new Gauge[_targets.Length];
        for (int i = 0; i < handles.Length; i++) handles[i] = _targets[i].Gauge(name, help, labels);
        return new TeeGauge(handles);
    }

    /// <inheritdoc/>
    public void ObservableGauge(string name, string help, Func<double> read, params ReadOnlySpan<Label> labels)
    {
        foreach (IMeter target in _targets) target.ObservableGauge(name, help, read, labels);
    }

    /// <inheritdoc/>
    public void ObservableCounter(string name, string help, Func<long> read, params ReadOnlySpan<Label> labels)
    {
        foreach (IMeter target in _targets) target.ObservableCounter(name, help, read, labels);
    }

    /// <inheritdoc/>
    public Histogram Histogram(
        string name, string help, ReadOnlyMemory<double> buckets, params ReadOnlySpan<Label> labels)
    {
        Histogram[] handles = new Histogram[_targets.Length];
        for (int i = 0; i < handles.Length; i++) handles[i] = _targets[i].Histogram(name, help, buckets, labels);
        return new TeeHistogram(handles);
    }

    private sealed class TeeCounter(Counter[] handles) : Counter
    {
        public override void Add(long delta = 1)
        {
            foreach (Counter handle in handles) handle.Add(delta);
        }
    }

    private sealed class TeeGauge(Gauge[] handles) : Gauge
    {
        public override void Set(double value)
        {
            foreach (Gauge handle in handles) handle.Set(value);
        }

        public override void Add(double delta)
        {
            foreach (Gauge handle in handles) handle.Add(delta);
        }
    }

    private sealed class TeeHistogram(Histogram[] handles) : Histogram
    {
        public override void Record(double value)
        {
            foreach (Histogram handle in handles) handle.Record(value);
        }

        public override void Record(double value, in TraceContext trace)
        {
            foreach (Histogram handle in handles) handle.Record(value, trace);
        }
    }
}
