namespace Nori.Observe;

/// <summary>
/// Begins spans: decides which traces are recorded, gives ids, and hands what ended to a sink. What is not recorded costs
/// one interlocked addition and allocates nothing.
/// </summary>
/// <remarks>
/// Thread-safe. Decisions and ids come from a counter that is mixed with the seed, so they need no lock, and equal seeds give
/// equal traces.
/// </remarks>
public sealed class Tracer
{
    private readonly TracerOptions _options;
    private readonly ISpanSink _sink;
    private readonly ulong _seed;
    private readonly ulong _threshold;
    private ulong _decided;
    private ulong _ids;
    private long _second;
    private int _inSecond;
    private long _suppressed;

    /// <summary>A tracer.</summary>
    /// <param name="sink">Takes the spans.</param>
    /// <param name="seed">Where ids come from: another one for each process.</param>
    /// <param name="options">What is recorded.</param>
    /// <param name="time">Its clock.</param>
    /// <exception cref="ArgumentException">The options have problems.</exception>
    public Tracer(ISpanSink sink, ulong seed, TracerOptions? options = null, TimeProvider? time = null)
    {
        _options = options ?? new TracerOptions();
        IReadOnlyList<string> problems = _options.Validate();
        if (problems.Count > 0) throw new ArgumentException(string.Join("; ", problems), nameof(options));
        _sink = sink;
        _seed = Mix(seed + 0x9E3779B97F4A7C15);
        _threshold = _options.SampleRatio >= 1 ? ulong.MaxValue : (ulong)(_options.SampleRatio * ulong.MaxValue);
        Time = time ?? TimeProvider.System;
    }

    /// <summary>Its clock: timestamps of stages are of this one.</summary>
    public TimeProvider Time { get; }

    /// <summary>Spans that were to be recorded and exceeded <see cref="TracerOptions.SpansPerSecondMax"/>.</summary>
    public long Suppressed => Interlocked.Read(ref _suppressed);

    /// <summary>Begins a span where the trace is recorded; null where it is not.</summary>
    /// <param name="name">What is done.</param>
    /// <param name="kind">Which side.</param>
    /// <param name="caller">The context that came with the request; default for none.</param>
    public Span? Begin(string name, SpanKind kind, in TraceContext caller = default)
    {
        bool sampled = !caller.IsNone && _options.FollowsCaller ? caller.IsSampled : Decide();
        if (!sampled || !HasRoom()) return null;
        TraceContext context = caller.IsNone
            ? new TraceContext(NextId(), NextId(), NextId(), true)
            : caller with { Span = NextId(), IsSampled = true };
        return new Span(this, name, kind, context, caller.IsNone ? 0 : caller.Span);
    }

    internal void Ended(Span span) => _sink.Take(span);

    internal ulong NextId()
    {
        ulong id = Mix(Interlocked.Increment(ref _ids) ^ _seed);
        return id == 0 ? 1 : id;
    }

    private bool Decide() =>
        _threshold == ulong.MaxValue
        || (_threshold != 0 && Mix(Interlocked.Increment(ref _decided) + _seed) < _threshold);

    // Two threads at a turn of the second may both begin it: a few spans more, never a stop.
    private bool HasRoom()
    {
        long second = Time.GetTimestamp() / Time.TimestampFrequency;
        if (Volatile.Read(ref _second) != second)
        {
            Volatile.Write(ref _second, second);
            Volatile.Write(ref _inSecond, 0);
        }

        if (Interlocked.Increment(ref _inSecond) <= _options.SpansPerSecondMax) return true;
        Interlocked.Increment(ref _suppressed);
        return false;
    }

    // The finalizer of splitmix64: equal steps in, evenly spread numbers out.
    private static ulong Mix(ulong z)
    {
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return z ^ (z >> 31);
    }
}
