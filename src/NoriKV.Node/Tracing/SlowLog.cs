using Nori.Observe;

namespace NoriKV.Node.Tracing;

/// <summary>The slow requests of a node: the last of them with their stages, all of them counted.</summary>
/// <remarks>Thread-safe. Asking whether a request was slow is a comparison.</remarks>
public sealed class SlowLog
{
    private readonly TimeProvider _time;
    private readonly SlowLogOptions _options;
    private readonly Counter[] _counts;
    private readonly Lock _lock = new();

    // Guarded by _lock: a ring, and what came in this second.
    private readonly RequestTrace?[] _ring;
    private long _noted;
    private long _second;
    private int _inSecond;

    private long _limit = long.MaxValue;

    /// <summary>An empty one.</summary>
    /// <param name="options">Bounds.</param>
    /// <param name="meter">Counts them, by operation.</param>
    /// <param name="time">The clock of requests.</param>
    public SlowLog(SlowLogOptions options, IMeter meter, TimeProvider time)
    {
        (_options, _time, _ring) = (options, time, new RequestTrace?[options.Remembered]);
        _counts = [.. Enum.GetNames<RequestOperation>().Select(name => meter.Counter(
            "kv_slow_requests_total",
            "Requests that took as long as log.slow_threshold says, or longer.",
            new Label("operation", name.ToLowerInvariant())))];
        Threshold = options.Threshold;
    }

    /// <summary>A request that took at least so long is slow; zero: none is. Holds for those that end from now on.</summary>
    public TimeSpan Threshold
    {
        get;
        set
        {
            ArgumentOutOfRangeException.ThrowIfLessThan(value, TimeSpan.Zero);
            field = value;
            Volatile.Write(ref _limit, value == TimeSpan.Zero ? long.MaxValue : (long)(value.TotalSeconds * _time.TimestampFrequency));
        }
    }

    /// <summary>The number of the last one noted; 0 before the first.</summary>
    public long Last
    {
        get
        {
            lock (_lock) return _noted;
        }
    }

    /// <summary>Told of each one that is remembered, on the thread of its request: it must not block and not throw.</summary>
    public Action<RequestTrace>? Noted { get; set; }

    /// <summary>Those remembered, the oldest first.</summary>
    /// <param name="after">Only those behind this number.</param>
    public IReadOnlyList<RequestTrace> Since(long after = 0)
    {
        lock (_lock)
        {
            long first = Math.Max(Math.Max(after, 0), _noted - _ring.Length) + 1;
            var found = new List<RequestTrace>();
            for (long number = first; number <= _noted; number++) found.Add(_ring[(number - 1) % _ring.Length]!);
            return found;
        }
    }

    internal bool IsSlow(long from, long to) => to - from >= Volatile.Read(ref _limit);

    /// <summary>Counts a slow one; true where it is to be noted, too.</summary>
    internal bool Count(RequestOperation operation)
    {
        _counts[(int)operation].Add();
        long second = _time.GetTimestamp() / _time.TimestampFrequency;
        lock (_lock)
        {
            if (second != _second) (_second, _inSecond) = (second, 0);
            return ++_inSecond <= _options.PerSecondMax;
        }
    }

    internal void Note(RequestTrace trace)
    {
        lock (_lock)
        {
            trace = trace with { Sequence = ++_noted };
            _ring[(_noted - 1) % _ring.Length] = trace;
        }

        Noted?.Invoke(trace);
    }
}
