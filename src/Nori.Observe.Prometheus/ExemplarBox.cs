namespace Nori.Observe.Prometheus;

/// <summary>The latest exemplar of each bucket of one histogram.</summary>
/// <remarks>Thread-safe. Its memory is taken with the first exemplar: most histograms never have one.</remarks>
internal sealed class ExemplarBox(int buckets, TimeProvider time)
{
    private readonly Lock _gate = new();

    // Guarded by _gate.
    private Exemplar?[]? _slots;

    public void Set(int bucket, double value, in TraceContext trace)
    {
        DateTimeOffset now = time.GetUtcNow();
        lock (_gate)
        {
            _slots ??= new Exemplar?[buckets];
            _slots[bucket] = new Exemplar(value, trace, now);
        }
    }

    public Exemplar? Get(int bucket)
    {
        lock (_gate) return _slots?[bucket];
    }

    public IReadOnlyList<Exemplar> All()
    {
        lock (_gate) return _slots is null ? [] : [.. _slots.Where(static e => e is not null).Select(static e => e!.Value)];
    }
}
