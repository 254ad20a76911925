using NoriKV.Client;
using NoriKV.Types;

namespace NoriKV.Conformance;

/// <summary>What a step came to, in one form for all operations.</summary>
internal sealed record Outcome
{
    public KvError? Error { get; init; }

    public KvVersion Version { get; init; }

    public bool Found { get; init; }

    public ReadOnlyMemory<byte> Value { get; init; }

    public bool Tombstoned { get; init; }

    public KvMeta? Meta { get; init; }

    public IReadOnlyList<KvPair>? Pairs { get; init; }

    public ReadOnlyMemory<byte> Token { get; init; }

    public long Count { get; init; }

    public IReadOnlyList<Outcome>? Results { get; init; }

    public ClusterView? View { get; init; }

    public bool Serving { get; init; }

    public bool Cancelled { get; init; }

    public TimeSpan Took { get; init; }

    public static Outcome Of(NoriKVException e) => new() { Error = e.Error };

    public static Outcome Of(PutResult r) => new() { Version = r.Version, Meta = r.Meta };

    public static Outcome Of(GetResult r) => new() { Version = r.Version, Found = r.Found, Value = r.Value, Meta = r.Meta };

    public static Outcome Of(DeleteResult r) => new() { Version = r.Version, Tombstoned = r.Tombstoned, Meta = r.Meta };

    public static Outcome Of(BatchOperationResult r) => new()
    {
        Error = r.Error, Version = r.Version, Value = r.Value, Tombstoned = r.Tombstoned, Meta = r.Meta,
        Found = r.Kind == BatchOperationKind.Get && r.Version.IsPresent,
    };
}
