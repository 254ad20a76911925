using NoriKV.Types;

namespace NoriKV.TestKit.Simulation.Workloads;

/// <summary>What a client asks for.</summary>
internal sealed record ClientOperation
{
    public required ClientCall Call { get; init; }

    /// <summary>The key; of a batch, its keys.</summary>
    public required IReadOnlyList<string> Keys { get; init; }

    /// <summary>The value; of a batch, one for each key, null where it deletes.</summary>
    public IReadOnlyList<string?> Values { get; init; } = [];

    public TimeSpan? Ttl { get; init; }

    public KvVersion? IfMatch { get; init; }

    /// <summary>The value that had that version.</summary>
    public string? Expected { get; init; }

    public bool IfNotExists { get; init; }

    public ReadOptions Read { get; init; } = ReadOptions.Default;

    /// <summary>What makes a repeat harmless; null for none, and then there is no repeat.</summary>
    public string? IdempotencyKey { get; init; }

    public bool IsWrite => Call is ClientCall.Put or ClientCall.Delete or ClientCall.Batch;

    public override string ToString() =>
        $"{Call} {string.Join(',', Keys)}{(Values.Count > 0 ? $" = {string.Join(',', Values)}" : "")}"
        + $"{(IfMatch is { } version ? $" if {version}" : "")}{(IfNotExists ? " if none" : "")}"
        + $"{(Ttl is { } ttl ? $" ttl {ttl.TotalMilliseconds} ms" : "")}";
}
