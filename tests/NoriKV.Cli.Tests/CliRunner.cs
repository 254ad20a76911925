using System.Text;
using NoriKV.Cli.Cluster;
using NoriKV.Cli.Console;
using NoriKV.Client;

namespace NoriKV.Cli.Tests;

/// <summary>Runs command lines against a store and catches what they print.</summary>
internal sealed class CliRunner : IDisposable
{
    public MemoryNoriKV Store { get; } = new();

    public FakeCluster Cluster { get; } = new();

    /// <summary>The cluster that was asked for; with <see cref="RealCluster"/> it is really connected to.</summary>
    public ClusterTarget? Target { get; private set; }

    public bool RealCluster { get; set; }

    public Dictionary<string, string> Environment { get; } = [];

    public NoriKVClientOptions? Options { get; private set; }

    public byte[] OutputBytes { get; private set; } = [];

    public string Output => Encoding.UTF8.GetString(OutputBytes);

    public string Error { get; private set; } = "";

    public string Folder { get; } = Directory.CreateTempSubdirectory("norikv-cli-").FullName;

    public bool InputIsTerminal { get; set; }

    public bool ProbesNodes { get; set; }

    public TimeProvider Time { get; set; } = TimeProvider.System;

    public string File(string name) => Path.Combine(Folder, name);

    public async Task<int> RunAsync(string[] args, byte[]? input = null)
    {
        var output = new MemoryStream();
        var error = new StringWriter();
        var host = new CliHost
        {
            Input = new MemoryStream(input ?? []),
            Output = output,
            Error = error,
            InputIsTerminal = InputIsTerminal,
            Environment = name => Environment.GetValueOrDefault(name),
            ProbesNodes = ProbesNodes,
            Time = Time,
            ConnectCluster = target =>
            {
                Target = target;
                return RealCluster ? new ClusterConnection(target) : Cluster;
            },
            Connect = options =>
            {
                Options = options;
                return Store;
            },
        };
        int exit = await CliApp.RunAsync(args, host);
        OutputBytes = output.ToArray();
        Error = error.ToString();
        return exit;
    }

    public Task<int> RunAsync(string commandLine) => RunAsync(commandLine.Split(' '));

    public void Dispose() => Directory.Delete(Folder, recursive: true);
}
