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

    /// <summary>How many shards there are: the group of a higher number is the meta group, and named so. Null: not known.</summary>
    public Func<int>? TotalShards { get; set; }

    /// <inheritdoc/>
    public void Emit<T>(in T e)
        where T : struct, IEvent
    {
        string family = e.Family, kind = e.Kind;
        // Nearly all events are of level debug, and nearly always nobody wants them.
        LogLevel level = LevelOf(family, kind);
        if (level < log.Levels.Least) return;
        if (!Components.TryGetValue(family, out string? component)) component = family.ToLowerInvariant();
        if (!log.Levels.IsOn(component, level)) return;
        var fields = new Fields();
        e.WriteFields(fields);
        if (TotalShards is { } shards && fields.Shard >= shards()) fields.Add("group", "meta");
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

        public long Shard { get; private set; } = -1;

        public void Add(string name, long value)
        {
            if (name == "shard") Shard = value;
            All.Add((name, value));
        }

        public void Add(string name, double value) => All.Add((name, value));

        public void Add(string name, string value) => All.Add((name, value));
    }
}
