using Nori.Observe;

namespace NoriKV.Server;

/// <summary>
/// Events as log lines, one each: the component is the family, the message the kind. What people should see without asking is of
/// level info or warning; everything else is debug.
/// </summary>
/// <remarks>A line that is not wanted costs one look into a table and allocates nothing.</remarks>
public sealed class EventLog(ServerLog log) : IEventSink
{
    // Families as components: lower case, once.
    private static readonly Dictionary<string, string> Components = new(StringComparer.Ordinal)
    {
        ["Wal"] = "wal",
        ["Lsm"] = "lsm",
        ["Compaction"] = "compaction",
        ["Raft"] = "raft",
        ["Swim"] = "swim",
        ["Shard"] = "shard",
        ["Cache"] = "cache",
        ["Scrub"] = "scrub",
    };

    /// <inheritdoc/>
    public void Emit<T>(in T e)
        where T : struct, IEvent
    {
        string family = e.Family, kind = e.Kind;
        if (!Components.TryGetValue(family, out string? component)) component = family.ToLowerInvariant();
        LogLevel level = LevelOf(family, kind);
        if (!log.Levels.IsOn(component, level)) return;
        var fields = new Fields();
        e.WriteFields(fields);
        log.Write(level, component, kind, fields.All.ToArray());
    }

    private static LogLevel LevelOf(string family, string kind) => (family, kind) switch
    {
        ("Lsm", "L0Stall") or ("Wal", "CorruptionTruncated") => LogLevel.Warning,
        ("Scrub", "CorruptionFound" or "TableSetApart") or ("Swim", "Confirm") => LogLevel.Warning,
        ("Shard", "ReplicaSetApart" or "ReplicasDiffer") => LogLevel.Warning,
        ("Swim" or "Scrub", _) or ("Shard", "Plan" or "Cutover" or "ReplicaRebuilt") => LogLevel.Info,
        _ => LogLevel.Debug,
    };

    private sealed class Fields : IEventFields
    {
        public List<(string Key, object? Value)> All { get; } = [];

        public void Add(string name, long value) => All.Add((name, value));

        public void Add(string name, double value) => All.Add((name, value));

        public void Add(string name, string value) => All.Add((name, value));
    }
}
