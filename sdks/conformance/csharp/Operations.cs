using System.Text.Json;
using NoriKV.Client;
using NoriKV.Types;

namespace NoriKV.Conformance;

/// <summary>The steps that are operations of the client.</summary>
internal sealed class Operations(
    NoriKVClient client, Data data, IReadOnlyDictionary<string, object> saved, CancellationToken token)
{
    public async Task<Outcome> RunAsync(JsonElement step, string number, Func<bool, Task<ClusterView>> watch) =>
        step.GetProperty("do").GetString() switch
        {
            "put" => Outcome.Of(await client.PutAsync(Key(step, number), data.Bytes(step.GetProperty("value"), number), new PutOptions
            {
                Ttl = Ttl(step), IfMatch = IfMatch(step), IfNotExists = Flag(step, "if_not_exists"),
                IdempotencyKey = IdempotencyKey(step, number),
            }, token)),
            "get" when Flag(step, "must_exist") => Outcome.Of(await client.GetRequiredAsync(Key(step, number), Read(step), token)),
            "get" => Outcome.Of(await client.GetAsync(Key(step, number), Read(step), token)),
            "delete" => Outcome.Of(await client.DeleteAsync(
                Key(step, number),
                new DeleteOptions { IfMatch = IfMatch(step), IdempotencyKey = IdempotencyKey(step, number) },
                token)),
            "batch" => new Outcome
            {
                Results = [.. (await client.BatchAsync(
                    [.. step.GetProperty("operations").EnumerateArray().Select(Operation)],
                    new BatchOptions
                    {
                        RequireAtomic = Flag(step, "require_atomic"), IdempotencyKey = IdempotencyKey(step, number),
                    },
                    token)).Select(Outcome.Of)],
            },
            "scan" => await ScanAsync(step),
            "page" => await client.ScanPageAsync(Scan(step), token) is var page
                ? new Outcome { Pairs = page.Pairs, Token = page.NextPageToken }
                : throw new InvalidOperationException(),
            "count" => new Outcome { Count = await client.CountAsync(Scan(step), token) },
            "view" => new Outcome { View = await client.GetClusterViewAsync(token) },
            "health" => new Outcome { Serving = await client.IsServingAsync(token) },
            "watch" => new Outcome { View = await watch(false) },
            "watch_newer" => new Outcome { View = await watch(true) },
            string name => throw new ExpectationException($"the runner does not know the step {name}"),
            null => throw new ExpectationException("a step has no name"),
        };

    private async Task<Outcome> ScanAsync(JsonElement step)
    {
        bool slow = step.TryGetProperty("slow", out JsonElement rest);
        var pairs = new List<KvPair>();
        await foreach (KvPair pair in client.ScanAsync(Scan(step), token))
        {
            pairs.Add(pair);
            if (slow && pairs.Count == rest.GetProperty("at").GetInt32())
                await Task.Delay(TimeSpan.FromMilliseconds(rest.GetProperty("ms").GetInt32()), TimeProvider.System, token);
        }

        return new Outcome { Pairs = pairs };
    }

    private BatchOperation Operation(JsonElement operation)
    {
        JsonProperty only = operation.EnumerateObject().Single();
        byte[] key = Key(only.Value, "");
        return only.Name switch
        {
            "put" => BatchOperation.Put(
                key,
                data.Bytes(only.Value.GetProperty("value"), ""),
                Ttl(only.Value),
                IfMatch(only.Value),
                Flag(only.Value, "if_not_exists")),
            "delete" => BatchOperation.Delete(key, IfMatch(only.Value)),
            _ => BatchOperation.Get(key, Read(only.Value)),
        };
    }

    private ScanOptions Scan(JsonElement step) => new()
    {
        Prefix = Optional(step, "prefix"),
        Start = Optional(step, "start"),
        End = Optional(step, "end"),
        Reverse = Flag(step, "reverse"),
        Limit = step.TryGetProperty("limit", out JsonElement limit) ? limit.GetInt64() : 0,
        KeysOnly = Flag(step, "keys_only"),
        PageToken = step.TryGetProperty("page_token", out JsonElement token)
            ? (ReadOnlyMemory<byte>)saved[token.GetString()![1..]]
            : default,
        Read = Read(step),
    };

    private byte[] Key(JsonElement step, string number) => data.Key(step.GetProperty("key"), number);

    private byte[] Optional(JsonElement step, string name) => step.TryGetProperty(name, out JsonElement key) ? data.Key(key, "") : [];

    private static bool Flag(JsonElement step, string name) => step.TryGetProperty(name, out JsonElement flag) && flag.GetBoolean();

    private static TimeSpan? Ttl(JsonElement step) =>
        step.TryGetProperty("ttl_ms", out JsonElement ms) ? TimeSpan.FromMilliseconds(ms.GetInt64()) : null;

    private KvVersion? IfMatch(JsonElement step) =>
        step.TryGetProperty("if_match", out JsonElement name) ? (KvVersion)saved[name.GetString()![1..]] : null;

    private string? IdempotencyKey(JsonElement step, string number) =>
        step.TryGetProperty("idempotency_key", out JsonElement key) ? data.Text(key, number) : null;

    private static ReadOptions Read(JsonElement step) => new()
    {
        Consistency = step.TryGetProperty("consistency", out JsonElement name)
            ? ConsistencyNames.TryParse(name.GetString()!, out Consistency c) ? c : throw new ExpectationException($"no consistency {name}")
            : Consistency.Linearizable,
        MaxStaleness = step.TryGetProperty("max_staleness_ms", out JsonElement ms) ? TimeSpan.FromMilliseconds(ms.GetInt64()) : null,
    };
}
