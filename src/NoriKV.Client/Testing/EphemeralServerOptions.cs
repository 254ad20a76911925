namespace NoriKV.Client.Testing;

/// <summary>How an <see cref="EphemeralServer"/> is started.</summary>
public sealed record EphemeralServerOptions
{
    /// <summary>
    /// The server program and its first arguments. <value>What NORIKV_SERVER names, separated by spaces; else norikv from
    /// the PATH.</value>
    /// </summary>
    public IReadOnlyList<string> Command { get; init; } = DefaultCommand();

    /// <summary>Text of the server's configuration file, YAML or JSON; null for none.</summary>
    public string? Configuration { get; init; }

    /// <summary>Further arguments of <c>norikv server</c>.</summary>
    public IReadOnlyList<string> Arguments { get; init; } = [];

    /// <summary>How long to wait until it serves. <value>60 s</value></summary>
    public TimeSpan StartLimit { get; init; } = TimeSpan.FromSeconds(60);

    private static string[] DefaultCommand() =>
        Environment.GetEnvironmentVariable("NORIKV_SERVER") is { Length: > 0 } command
            ? command.Split(' ', StringSplitOptions.RemoveEmptyEntries)
            : ["norikv"];
}
