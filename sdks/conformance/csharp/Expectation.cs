using System.Text.Json;
using NoriKV.Types;

namespace NoriKV.Conformance;

/// <summary>Compares an outcome with what a step expects.</summary>
internal sealed class Expectation(Data data, IReadOnlyDictionary<string, object> saved)
{
    /// <summary>What differs, in words; null when all is as expected.</summary>
    public string? Differs(Outcome o, JsonElement expect, string number)
    {
        bool wantsError = expect.ValueKind == JsonValueKind.Object && expect.TryGetProperty("error", out _);
        if (o.Error is { } error && !wantsError) return $"ended with {error.Code.ToWire()}: {error.Message}";
        if (expect.ValueKind != JsonValueKind.Object) return null;
        foreach (JsonProperty p in expect.EnumerateObject())
        {
            if (!Holds(o, p, number)) return $"expected {p.Name} {p.Value.GetRawText()}, got {Got(o)}";
        }

        return null;
    }

    /// <summary>True when a code is among those of a string or an array.</summary>
    public static bool Names(JsonElement codes, KvCode code) => codes.ValueKind == JsonValueKind.Array
        ? codes.EnumerateArray().Any(c => c.GetString() == code.ToWire())
        : codes.GetString() == code.ToWire();

    private bool Holds(Outcome o, JsonProperty p, string number) => p.Name switch
    {
        "error" => o.Error is { } e && Names(p.Value, e.Code),
        "message" => o.Error is { } e && e.Message.Contains(p.Value.GetString()!, StringComparison.Ordinal),
        "without" => o.Error is { } e && !e.Message.Contains(p.Value.GetString()!, StringComparison.Ordinal),
        "found" => o.Found == p.Value.GetBoolean(),
        "value" => Values(p.Value).Any(v => o.Value.Span.SequenceEqual(data.Bytes(v, number))),
        "size" => o.Value.Length == p.Value.GetInt32(),
        "version" => o.Version == Version(p.Value),
        "newer_than" => o.Version.CompareTo(Version(p.Value)) > 0,
        "tombstoned" => o.Tombstoned == p.Value.GetBoolean(),
        "meta" => p.Value.EnumerateObject().All(m => MetaHolds(o.Meta, m)),
        "keys" => data.Keys(p.Value) is var keys && o.Pairs!.Count == keys.Length
            && o.Pairs.Zip(keys).All(x => x.First.Key.Span.SequenceEqual(x.Second)),
        "values" => o.Pairs!.Count == p.Value.GetArrayLength()
            && o.Pairs.Zip(p.Value.EnumerateArray()).All(x => x.First.Value.Span.SequenceEqual(data.Bytes(x.Second, number))),
        "bytes" => o.Pairs!.Sum(x => (long)x.Value.Length) == p.Value.GetInt64(),
        "more" => !o.Token.IsEmpty == p.Value.GetBoolean(),
        "count" => o.Count == p.Value.GetInt64(),
        "results" => o.Results!.Count == p.Value.GetArrayLength()
            && o.Results.Zip(p.Value.EnumerateArray()).All(x => Differs(x.First, x.Second, number) is null),
        "result_errors" => p.Value.EnumerateObject().All(c => o.Results!.Count(r => r.Error?.Code.ToWire() == c.Name) == c.Value.GetInt32())
            && o.Results!.Count(r => r.Error is not null) == p.Value.EnumerateObject().Sum(c => c.Value.GetInt32()),
        "cancelled" => o.Cancelled == p.Value.GetBoolean(),
        "serving" => o.Serving == p.Value.GetBoolean(),
        "epoch_at_least" => o.View!.Epoch >= p.Value.GetUInt64(),
        "total_shards" => o.View!.TotalShards == p.Value.GetInt32() && o.View.Shards.Count == o.View.TotalShards,
        "every_shard_led" => EveryShardLed(o.View!),
        "after_ms" => o.Took.TotalMilliseconds >= p.Value.GetInt64(),
        "within_ms" => o.Took.TotalMilliseconds <= p.Value.GetInt64(),
        _ => throw new ExpectationException($"the runner does not know the expectation {p.Name}"),
    };

    private KvVersion Version(JsonElement name) => (KvVersion)saved[name.GetString()![1..]];

    private static IEnumerable<JsonElement> Values(JsonElement value) =>
        value.ValueKind == JsonValueKind.Array ? value.EnumerateArray() : [value];

    private static bool MetaHolds(KvMeta? meta, JsonProperty expected)
    {
        string? value = expected.Name switch
        {
            "consistency" => meta?.Consistency?.ToWire(),
            "served_by" => meta?.ServedBy,
            "idempotent_replay" => meta?.IdempotentReplay,
            _ => null,
        };
        return expected.Value.ValueKind == JsonValueKind.True ? value is { Length: > 0 } : value == expected.Value.GetString();
    }

    private static bool EveryShardLed(ClusterView view)
    {
        HashSet<string> dialable = [.. view.Nodes.Where(n => n.Address.Contains(':', StringComparison.Ordinal)
            && !n.Address.StartsWith("0.0.0.0", StringComparison.Ordinal)).Select(n => n.Id)];
        return view.Shards.Count > 0 && view.Shards.All(s =>
            s.Replicas.Count(r => r.IsLeader) == 1 && dialable.Contains(s.Replicas.Single(r => r.IsLeader).NodeId));
    }

    private static string Got(Outcome o) => o.Error is { } e
        ? $"{e.Code.ToWire()}: {e.Message}"
        : $"version {o.Version}, found {o.Found}, {o.Value.Length} bytes, tombstoned {o.Tombstoned}, count {o.Count}, "
            + $"{o.Pairs?.Count} pairs, token of {o.Token.Length} bytes, took {o.Took.TotalMilliseconds:0} ms, {o.Meta}"
            + string.Concat(o.Results?.Select(r => "\n  " + Got(r)) ?? []);
}
