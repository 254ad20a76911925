namespace Nori.Observe;

/// <summary>
/// A piece of work in a sampled trace: a name, a beginning, an end, words about it, and its stages. What is not sampled has
/// no span, so code says <c>span?.…</c> and costs nothing there.
/// </summary>
/// <remarks>
/// Its attributes and outcome belong to whoever began it, one thread at a time; stages may be added from any thread until
/// it ends. Never a key, a value or an address in an attribute.
/// </remarks>
public sealed class Span
{
    /// <summary>
    /// The most stages and attributes kept, each. Of more attributes, and of more stages that ran beside, the later are left out; of more
    /// stages that follow each other those in the middle become one, <c>retries</c>, so that they still sum to the whole.
    /// </summary>
    public const int PartsMax = 32;

    private readonly Tracer _tracer;
    private readonly Lock _gate = new();

    // Guarded by _gate.
    private readonly List<SpanStage> _stages = [];
    private readonly List<Label> _attributes = [];
    private bool _ended;
    private int _foldedAt = -1;
    private int _folded;

    internal Span(Tracer tracer, string name, SpanKind kind, TraceContext context, ulong parent)
    {
        _tracer = tracer;
        Name = name;
        Kind = kind;
        Context = context;
        Parent = parent;
        StartedAt = tracer.Time.GetTimestamp();
        Start = tracer.Time.GetUtcNow();
    }

    /// <summary>What was done: a method's name, never an argument.</summary>
    public string Name { get; }

    /// <summary>Which side.</summary>
    public SpanKind Kind { get; }

    /// <summary>Its place in the trace: what is sent along to those it asks.</summary>
    public TraceContext Context { get; }

    /// <summary>The id of the span that caused it; 0 for the first of a trace.</summary>
    public ulong Parent { get; }

    /// <summary>When it began.</summary>
    public DateTimeOffset Start { get; }

    /// <summary>The tracer's timestamp of its beginning.</summary>
    public long StartedAt { get; }

    /// <summary>How long it took; zero until it ended.</summary>
    public TimeSpan Duration { get; private set; }

    /// <summary>Why it failed; null where it did not.</summary>
    public string? Error { get; private set; }

    /// <summary>Words about it, once it has ended.</summary>
    public IReadOnlyList<Label> Attributes => _attributes;

    /// <summary>What it consisted of, once it has ended, in the order told.</summary>
    public IReadOnlyList<SpanStage> Stages => _stages;

    /// <summary>Adds a word about it.</summary>
    public void SetAttribute(string name, string value)
    {
        lock (_gate)
        {
            if (!_ended && _attributes.Count < PartsMax) _attributes.Add(new Label(name, value));
        }
    }

    /// <summary>Adds a stage: a child without children of its own.</summary>
    /// <param name="name">A constant: <c>fsync</c>.</param>
    /// <param name="from">Timestamp of the tracer's clock at which it began.</param>
    /// <param name="to">Timestamp at which it ended.</param>
    /// <param name="detail">What else there is to know; empty for nothing.</param>
    /// <param name="isBeside">It ran beside the others and was not waited for.</param>
    public void AddStage(string name, long from, long to, string detail = "", bool isBeside = false)
    {
        TimeSpan begin = _tracer.Time.GetElapsedTime(StartedAt, from);
        TimeSpan length = _tracer.Time.GetElapsedTime(from, to);
        if (to < from) return;
        lock (_gate)
        {
            if (_ended || (_stages.Count >= PartsMax && (isBeside || !FoldLocked()))) return;
            _stages.Add(new SpanStage(name, _tracer.NextId(), Start + begin, length, detail, isBeside));
        }
    }

    // Makes room: two of the middle that follow each other become one.
    private bool FoldLocked()
    {
        int at = Math.Max(_foldedAt, 0);
        if (_foldedAt < 0)
        {
            at = _stages.FindIndex(PartsMax / 2, static s => !s.IsBeside);
            if (at < 0) return false;
        }

        int next = _stages.FindIndex(at + 1, static s => !s.IsBeside);
        if (next < 0) return false;
        (SpanStage a, SpanStage b) = (_stages[at], _stages[next]);
        _folded += _foldedAt < 0 ? 2 : 1;
        _foldedAt = at;
        _stages[at] = a with { Name = "retries", Duration = b.Start + b.Duration - a.Start, Detail = $"{_folded} stages" };
        _stages.RemoveAt(next);
        return true;
    }

    /// <summary>Says that it failed, and how in one word.</summary>
    public void Fail(string why)
    {
        lock (_gate)
        {
            if (!_ended) Error = why;
        }
    }

    /// <summary>It is over: hands it to the sink. Further calls do nothing.</summary>
    public void End() => End(_tracer.Time.GetTimestamp());

    /// <summary>It was over at a moment: hands it to the sink. Further calls do nothing.</summary>
    /// <param name="endedAt">Timestamp of the tracer's clock.</param>
    public void End(long endedAt)
    {
        lock (_gate)
        {
            if (_ended) return;
            _ended = true;
            Duration = _tracer.Time.GetElapsedTime(StartedAt, Math.Max(endedAt, StartedAt));
        }

        _tracer.Ended(this);
    }
}
