using System.Globalization;
using Nori.Core;
using NoriKV.TestKit.Simulation.Scheduling;
using NoriKV.Types;

namespace NoriKV.TestKit.Simulation.Workloads;

/// <summary>Draws what a client does next. It remembers what it read last, to compare and set.</summary>
internal sealed class OperationMix(SimWorld world, KeySpace keys, int client, Prng random)
{
    private readonly SortedDictionary<string, (string? Value, KvVersion Version)> _seen = new(StringComparer.Ordinal);
    private readonly string _session = $"c{client}";
    private long _sequence;

    /// <summary>The next operation.</summary>
    public ClientOperation Next()
    {
        int dice = random.NextInt(100);
        if (dice < 15 && keys.Expiring.Count > 0) return Expiring();
        string key = keys.Plain[random.NextInt(keys.Plain.Count)];
        return dice switch
        {
            < 45 => Get(key),
            < 65 => Put(key),
            < 80 => CompareAndSet(key),
            < 85 => Put(key) with { IfNotExists = true },
            < 92 => new ClientOperation { Call = ClientCall.Delete, Keys = [key], IdempotencyKey = Token() },
            < 97 when keys.Groups.Count > 0 => Batch(),
            _ => new ClientOperation { Call = ClientCall.Scan, Keys = [], Read = Freshness() },
        };
    }

    /// <summary>Remembers what a call saw.</summary>
    public void Note(Call call)
    {
        if (!call.Succeeded || call.Operation.Call is ClientCall.Scan or ClientCall.Batch) return;
        ClientItem item = call.Answer!.Items[0];
        string? value = call.Operation.Call switch
        {
            ClientCall.Get => item.Value,
            ClientCall.Put => call.Operation.Values[0],
            _ => null,
        };
        _seen[item.Key] = (value, item.Version);
    }

    private ClientOperation Get(string key) => new() { Call = ClientCall.Get, Keys = [key], Read = Freshness() };

    private ClientOperation Put(string key) => new()
    {
        Call = ClientCall.Put,
        Keys = [key],
        Values = [NewValue()],
        IdempotencyKey = Token(),
    };

    private ClientOperation CompareAndSet(string key)
    {
        if (!_seen.TryGetValue(key, out (string? Value, KvVersion Version) seen) || seen.Value is null) return Get(key);
        ClientOperation write = random.Chance(0.9)
            ? Put(key)
            : new ClientOperation { Call = ClientCall.Delete, Keys = [key], IdempotencyKey = Token() };
        return write with { IfMatch = seen.Version, Expected = seen.Value };
    }

    private ClientOperation Batch()
    {
        string[] group = (string[])keys.Groups[random.NextInt(keys.Groups.Count)].Clone();
        random.Shuffle<string>(group);
        string[] chosen = group[..random.NextInt(2, group.Length + 1)];
        return new ClientOperation
        {
            Call = ClientCall.Batch,
            Keys = chosen,
            Values = [.. chosen.Select(_ => random.Chance(0.15) ? null : NewValue())],
            IdempotencyKey = Token(),
        };
    }

    private ClientOperation Expiring()
    {
        string key = keys.Expiring[random.NextInt(keys.Expiring.Count)];
        if (random.Chance(0.6)) return new ClientOperation { Call = ClientCall.Get, Keys = [key] };
        return Put(key) with { Ttl = TimeSpan.FromMilliseconds(random.NextInt(100, 4000)) };
    }

    private ReadOptions Freshness() => random.NextInt(100) switch
    {
        < 70 => ReadOptions.Default,
        < 80 => new ReadOptions { Consistency = Consistency.Lease },
        < 90 => new ReadOptions
        {
            Consistency = Consistency.Bounded,
            MaxStaleness = TimeSpan.FromMilliseconds(random.NextInt(100, 5000)),
        },
        _ => new ReadOptions { Consistency = Consistency.StaleOk },
    };

    private string NewValue()
    {
        int filling = random.Chance(0.5) ? 0 : random.NextInt(world.Profile.ValueBytesMax + 1);
        return $"{_session}.{++_sequence}:{filling}";
    }

    private string? Token() => random.NextInt(10) switch
    {
        < 2 => null,
        < 5 => $"{_session}-{++_sequence}",
        _ => string.Create(
            CultureInfo.InvariantCulture,
            $"s1:{_session}:{++_sequence}:{SimWorld.Epoch.ToUnixTimeMilliseconds() + (world.Events.Now / Ticks.Millisecond)}"),
    };
}
