using System.Diagnostics;
using System.Text.Json;

namespace NoriKV.Conformance;

/// <summary>The nodes of a scenario that needs several: a process of ../cluster.py that is told what to do with them.</summary>
internal sealed class Cluster : IAsyncDisposable
{
    private readonly Process _process;

    private Cluster(Process process, string wanted) => (_process, Wanted) = (process, wanted);

    /// <summary>What the scenario asked for, as text.</summary>
    public string Wanted { get; }

    /// <summary>host:port of each node.</summary>
    public string[] Addresses { get; private set; } = [];

    public static async Task<Cluster> StartAsync(string root, JsonElement wanted)
    {
        string settings = wanted.TryGetProperty("settings", out JsonElement text) ? text.GetRawText() : "";
        var start = new ProcessStartInfo(
            "/usr/bin/python3", [Path.Combine(root, "cluster.py"), wanted.GetProperty("nodes").GetRawText(), settings])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
        };
        var cluster = new Cluster(Process.Start(start)!, wanted.GetRawText());
        cluster.Addresses = (await cluster.AnswerAsync("ready ")).Split(',');
        return cluster;
    }

    public async Task TellAsync(string command)
    {
        await _process.StandardInput.WriteLineAsync(command);
        await _process.StandardInput.FlushAsync();
        await AnswerAsync("ok");
    }

    public async ValueTask DisposeAsync()
    {
        _process.StandardInput.Close(); // its end, and that of the nodes
        await _process.WaitForExitAsync();
        _process.Dispose();
    }

    private async Task<string> AnswerAsync(string wanted)
    {
        string? line = await _process.StandardOutput.ReadLineAsync();
        return line is not null && line.StartsWith(wanted, StringComparison.Ordinal)
            ? line[wanted.Length..]
            : throw new ExpectationException($"the cluster: {line}");
    }
}
