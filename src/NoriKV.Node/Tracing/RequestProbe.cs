using Nori.Core;
using Nori.Observe;
using NoriKV.Types;

namespace NoriKV.Node.Tracing;

/// <summary>
/// Gathers the stages of one request that is traced: sampled, asked to be explained, or slow. Other requests have none and pay
/// nothing. A stage is the time between two consecutive stamps, so that together they are the whole.
/// </summary>
/// <remarks>
/// Belongs to the request: one thread at a time. Worker threads never touch it; what they know travels on the proposal or the
/// read and is told here by whoever awaited that.
/// </remarks>
public sealed class RequestProbe
{
    /// <summary>
    /// Stages kept, each of the two kinds. Of more, those in the middle are one: the first ones say how it began, the last ones how it
    /// ended.
    /// </summary>
    public const int StagesMax = 64;

    // Where those in the middle begin.
    private const int FoldedAt = 16;

    private readonly TimeProvider _time;
    private readonly List<TraceStage> _stages = [];
    private readonly List<TraceStage> _beside = [];
    private readonly DateTimeOffset _at;
    private long _until;
    private int _folded;

    /// <summary>Begins with the receipt of a request.</summary>
    /// <param name="time">The clock of the node and its tracer.</param>
    /// <param name="beganAt">Its timestamp of the receipt.</param>
    /// <param name="span">The request in its trace; null where that is not sampled. Ended with this.</param>
    public RequestProbe(TimeProvider time, long beganAt, Span? span = null)
    {
        (_time, BeganAt, _until, Span) = (time, beganAt, beganAt, span);
        _at = time.GetUtcNow() - time.GetElapsedTime(beganAt);
    }

    /// <summary>When the request was received.</summary>
    public long BeganAt { get; }

    /// <summary>The request in its trace; null where that is not sampled.</summary>
    public Span? Span { get; }

    /// <summary>What came out; null until <see cref="End"/>.</summary>
    public RequestTrace? Trace { get; private set; }

    internal string Operation { get; set; } = "request";

    internal ShardId? Shard { get; set; }

    /// <summary>Where the request began: of one that was forwarded, the node that forwarded it.</summary>
    internal string Node { get; set; } = "";

    /// <summary>Whose probe this is: the node that works on the request here, and answers. Empty where it is <see cref="Node"/>.</summary>
    internal string Here { get; set; } = "";

    internal string ServedBy { get; set; } = "";

    internal string Status { get; set; } = KvCode.Ok.ToLabel();

    internal int Forwards { get; private set; }

    private string Teller => Here.Length > 0 ? Here : Node;

    /// <summary>The request is answered: the rest of the time is the stage <see cref="StageNames.Answer"/>. Ends the span.</summary>
    public RequestTrace End()
    {
        if (Trace is { } trace) return trace;
        long now = Math.Max(_time.GetTimestamp(), _until);
        Add(StageNames.Answer, Teller, now);
        trace = Trace = Snapshot(now);
        if (Span is not { } span) return trace;
        if (Node.Length > 0) span.SetAttribute("node", Node);
        if (ServedBy.Length > 0) span.SetAttribute("served_by", ServedBy);
        if (Shard is { } shard) span.SetAttribute("shard", shard.ToString());
        span.End(now);
        return trace;
    }

    /// <summary>The next stage of the critical path, from the end of the one before.</summary>
    /// <param name="name">Of <see cref="StageNames"/>.</param>
    /// <param name="node">Where.</param>
    /// <param name="until">Timestamp of its end; without time between it and the last it is no stage.</param>
    /// <param name="detail">What else there is to know.</param>
    internal void Add(string name, string node, long until, string detail = "")
    {
        if (until <= _until) return;
        Span?.AddStage(name, _until, until, detail);
        Keep(new TraceStage(name, node, Offset(_until), Offset(until) - Offset(_until), detail));
        _until = until;
    }

    /// <summary>Something beside the critical path.</summary>
    /// <param name="name">Of <see cref="StageNames"/>.</param>
    /// <param name="node">Where.</param>
    /// <param name="from">Timestamp of its beginning.</param>
    /// <param name="to">Timestamp of its end; 0: it is not over.</param>
    /// <param name="detail">What else there is to know.</param>
    internal void AddBeside(string name, string node, long from, long to, string detail)
    {
        if (_beside.Count == StagesMax || from < BeganAt || (to != 0 && to < from)) return;
        // What is still open is given its length at the end.
        TimeSpan length = to == 0 ? TimeSpan.Zero : Offset(to) - Offset(from);
        _beside.Add(new TraceStage(name, node, Offset(from), length, detail, IsOpen: to == 0));
        if (to != 0) Span?.AddStage(name, from, to, detail, isBeside: true);
    }

    /// <summary>A call to another node, with the stages it told of its own.</summary>
    /// <param name="target">Whom.</param>
    /// <param name="until">When its answer was here, or was no longer waited for.</param>
    /// <param name="remote">What it told; null for nothing.</param>
    /// <param name="detail">How it ended; empty for well.</param>
    internal void AddCall(string target, long until, RemoteTrace? remote, string detail)
    {
        Forwards++;
        ServedBy = target;
        if (remote is null)
        {
            Add(StageNames.Forward, Teller, until, detail.Length == 0 ? target : $"{target}: {detail}");
            return;
        }

        if (until < _until) return;
        Span?.AddStage(StageNames.Forward, _until, until, target);
        TimeSpan start = Offset(_until), end = Offset(until);
        // The clocks of two nodes are not compared: what is not that node's own time is divided evenly between the ways.
        TimeSpan theirs = remote.Total < end - start ? remote.Total : end - start;
        TimeSpan there = (end - start - theirs) / 2;
        Keep(new TraceStage(StageNames.Forward, Teller, start, there, target));
        TimeSpan at = start + there, last = at + theirs;
        foreach (TraceStage stage in remote.Stages)
        {
            TimeSpan length = stage.Length < last - at ? stage.Length : last - at;
            Keep(stage with { Start = at, Length = length });
            at += length;
        }

        Keep(new TraceStage(StageNames.Return, Teller, at, end - at, detail.Length == 0 ? target : $"{target}: {detail}"));
        foreach (TraceStage stage in remote.Beside.Take(StagesMax - _beside.Count))
            _beside.Add(stage with { Start = start + there + stage.Start });
        _until = until;
    }

    /// <summary>What there is so far, as if it ended now.</summary>
    internal RequestTrace Snapshot(long now)
    {
        TimeSpan total = Offset(Math.Max(now, _until));
        TimeSpan told = Offset(_until);
        TraceStage[] stages = total > told
            ? [.. _stages, new TraceStage(StageNames.Answer, Teller, told, total - told)]
            : [.. _stages];
        Invariant.Assert(stages.Aggregate(TimeSpan.Zero, static (sum, s) => sum + s.Length) == total);
        return new RequestTrace
        {
            At = _at,
            Operation = Operation,
            Shard = Shard,
            Node = Node,
            ServedBy = ServedBy.Length > 0 ? ServedBy : Node,
            Forwards = Forwards,
            Status = Status,
            Total = total,
            TraceId = Span?.Context.TraceId,
            Stages = stages,
            Beside = [.. _beside.Select(s => s.IsOpen && total > s.Start ? s with { Length = total - s.Start } : s)],
        };
    }

    private void Keep(TraceStage stage)
    {
        if (_stages.Count == StagesMax)
        {
            TraceStage first = _stages[FoldedAt], next = _stages[FoldedAt + 1];
            _folded += _folded == 0 ? 2 : 1;
            _stages[FoldedAt] = new TraceStage(
                StageNames.Retries, Teller, first.Start, next.Start + next.Length - first.Start, $"{_folded} stages");
            _stages.RemoveAt(FoldedAt + 1);
        }

        _stages.Add(stage);
    }

    private TimeSpan Offset(long timestamp) => _time.GetElapsedTime(BeganAt, timestamp);
}
