using NoriKV.Transport.Http;

namespace NoriKV.Server;

/// <summary>
/// Which lines are written, by component; changed while the server runs. The components are <c>server</c>, <c>node</c>,
/// <c>cluster</c>, <c>grpc</c>, <c>http</c>, <c>otlp</c>, <c>log</c>, <c>slow</c>, <c>tls</c>,
/// and the families of events in lower case: <c>raft</c>, <c>swim</c>, <c>wal</c>,
/// <c>lsm</c>, <c>compaction</c>, <c>shard</c>, <c>cache</c>, <c>scrub</c>. Another one is refused.
/// </summary>
/// <remarks>Thread-safe: each change replaces an immutable table, so asking takes no lock.</remarks>
public sealed class LogLevels : ILogLevels
{
    /// <summary>The components there are.</summary>
    public static IReadOnlyList<string> Components { get; } =
    [
        "cache", "cluster", "compaction", "grpc", "http", "log", "lsm", "node", "otlp", "raft", "scrub", "server", "shard", "slow",
        "swim", "tls", "wal",
    ];

    private const string Others = "*";
    private static readonly string[] Words = ["debug", "info", "warning", "error", "off"];

    private readonly Lock _gate = new();
    private Dictionary<string, LogLevel> _own = new(StringComparer.OrdinalIgnoreCase);
    private LogLevel _others = LogLevel.Info;
    private volatile LogLevel _least = LogLevel.Info;

    /// <inheritdoc/>
    public IReadOnlyList<KeyValuePair<string, string>> All =>
    [
        new(Others, Word(_others)),
        .. Volatile.Read(ref _own).OrderBy(static p => p.Key, StringComparer.Ordinal).Select(static p =>
            new KeyValuePair<string, string>(p.Key, Word(p.Value))),
    ];

    /// <summary>The least level of which any line is written.</summary>
    public LogLevel Least => _least;

    /// <summary>Whether a line of the component is written.</summary>
    public bool IsOn(string component, LogLevel level) =>
        level >= (Volatile.Read(ref _own).TryGetValue(component, out LogLevel own) ? own : _others);

    /// <inheritdoc/>
    public string? Set(string component, string level)
    {
        int read = Array.IndexOf(Words, level.ToLowerInvariant());
        if (read < 0) return $"there is no level '{Shown(level)}': {string.Join(", ", Words)}";
        if (component != Others && !Components.Contains(component))
            return $"there is no component '{Shown(component)}': {string.Join(", ", Components)}, or * for all others";
        lock (_gate)
        {
            if (component == Others) _others = (LogLevel)read;
            else Volatile.Write(ref _own, new(_own, StringComparer.OrdinalIgnoreCase) { [component] = (LogLevel)read });
            _least = _own.Values.Append(_others).Min();
            return null;
        }
    }

    /// <summary>Reads <c>raft=debug</c>, or <c>debug</c> for all others.</summary>
    /// <returns>What is wrong with it; null where nothing is.</returns>
    public string? SetWord(string text)
    {
        int equals = text.IndexOf('=', StringComparison.Ordinal);
        return equals < 0 ? Set(Others, text) : Set(text[..equals], text[(equals + 1)..]);
    }

    internal static string Word(LogLevel level) => Words[(int)level];

    private static string Shown(string text) => text.Length <= 40 ? text : text[..40] + "…";
}
