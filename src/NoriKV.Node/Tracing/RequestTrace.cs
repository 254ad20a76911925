using NoriKV.Types;

namespace NoriKV.Node.Tracing;

/// <summary>Where one request went and how long each stage took. Holds no key and no value.</summary>
public sealed record RequestTrace
{
    /// <summary>Its number among the slow requests of this node, rising; 0 where it is none.</summary>
    public long Sequence { get; init; }

    /// <summary>When it was received, by the clock of the node.</summary>
    public required DateTimeOffset At { get; init; }

    /// <summary>What was asked: put, get, delete, batch, scan.</summary>
    public required string Operation { get; init; }

    /// <summary>Whose keys; null for several shards.</summary>
    public ShardId? Shard { get; init; }

    /// <summary>The node that received it from the client.</summary>
    public required string Node { get; init; }

    /// <summary>The node that served it, or was the last to try.</summary>
    public required string ServedBy { get; init; }

    /// <summary>Times it was forwarded to another node, tries included.</summary>
    public int Forwards { get; init; }

    /// <summary>How it ended: ok, or the error's label as in metrics.</summary>
    public required string Status { get; init; }

    /// <summary>From the receipt to the answer.</summary>
    public required TimeSpan Total { get; init; }

    /// <summary>The trace it is part of, 32 hexadecimal digits; null where it is not sampled.</summary>
    public string? TraceId { get; init; }

    /// <summary>The critical path: one behind the other, without gaps; their lengths sum to <see cref="Total"/>.</summary>
    public required IReadOnlyList<TraceStage> Stages { get; init; }

    /// <summary>What ran beside it and was not waited for: other copies, the own log where peers were faster.</summary>
    public IReadOnlyList<TraceStage> Beside { get; init; } = [];
}
