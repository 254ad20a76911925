using NoriKV.Cli.Cluster;
using NoriKV.Client;

namespace NoriKV.Cli.Console;

/// <summary>What the command line needs of its surroundings; tests bring their own.</summary>
internal sealed record CliHost
{
    /// <summary>Standard input, as bytes.</summary>
    public required Stream Input { get; init; }

    /// <summary>Standard output, as bytes.</summary>
    public required Stream Output { get; init; }

    /// <summary>Standard error, as text.</summary>
    public required TextWriter Error { get; init; }

    public bool InputIsTerminal { get; init; }

    public bool OutputIsTerminal { get; init; }

    public bool ErrorIsTerminal { get; init; }

    /// <summary>An environment variable; null when it is not set.</summary>
    public Func<string, string?> Environment { get; init; } = static _ => null;

    /// <summary>Makes a client.</summary>
    public Func<NoriKVClientOptions, INoriKV> Connect { get; init; } = NoriKVClient.Connect;

    /// <summary>Makes a connection for operators.</summary>
    public Func<ClusterTarget, IClusterCalls> ConnectCluster { get; init; } = static target => new ClusterConnection(target);

    /// <summary>Look whether anybody listens before the first call, so that a newcomer's error comes at once.</summary>
    public bool ProbesNodes { get; init; }

    public TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>The surroundings of this process.</summary>
    public static CliHost ForProcess() => new()
    {
        Input = System.Console.OpenStandardInput(),
        Output = System.Console.OpenStandardOutput(),
        Error = System.Console.Error,
        InputIsTerminal = !System.Console.IsInputRedirected,
        OutputIsTerminal = !System.Console.IsOutputRedirected,
        ErrorIsTerminal = !System.Console.IsErrorRedirected,
        Environment = System.Environment.GetEnvironmentVariable,
        ProbesNodes = true,
    };

    /// <summary>Writes a line of text to standard output.</summary>
    public void WriteLine(string line) => Output.Write(System.Text.Encoding.UTF8.GetBytes(line + "\n"));
}
