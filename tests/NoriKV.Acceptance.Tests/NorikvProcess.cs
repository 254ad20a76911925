using System.Diagnostics;
using System.Text;

namespace NoriKV.Acceptance;

/// <summary>A run of the real program.</summary>
internal sealed class NorikvProcess : IAsyncDisposable
{
    private static readonly TimeSpan StartLimit = TimeSpan.FromMinutes(3);

    private readonly Process _process;
    private readonly StringBuilder _error = new();
    private readonly StringBuilder _output = new();
    private Task _reading = Task.CompletedTask;

    private NorikvProcess(string[] args, IReadOnlyDictionary<string, string>? environment)
    {
        var start = new ProcessStartInfo("dotnet")
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            RedirectStandardInput = true,
        };
        start.ArgumentList.Add(Path.Combine(AppContext.BaseDirectory, "norikv.dll"));
        foreach (string arg in args) start.ArgumentList.Add(arg);
        foreach ((string name, string value) in environment ?? new Dictionary<string, string>())
        {
            start.Environment[name] = value;
        }

        _process = Process.Start(start)!;
        _process.StandardInput.Close();
        _process.ErrorDataReceived += (_, e) => Append(_error, e.Data);
        _process.BeginErrorReadLine();
    }

    public string Error => Read(_error);

    /// <summary>What it printed so far.</summary>
    public string Output => Read(_output);

    public int Id => _process.Id;

    /// <summary>Starts a server and waits until it serves; answers what its ready line says.</summary>
    public static Task<(NorikvProcess Server, IReadOnlyDictionary<string, string> Ready)> ServeAsync(params string[] args) =>
        ServeAsync(null, args);

    /// <summary>As the other, with variables of the environment.</summary>
    public static async Task<(NorikvProcess Server, IReadOnlyDictionary<string, string> Ready)> ServeAsync(
        IReadOnlyDictionary<string, string>? environment, string[] args)
    {
        var server = new NorikvProcess(args, environment);
        using var late = new CancellationTokenSource(StartLimit);
        try
        {
            while (await server._process.StandardOutput.ReadLineAsync(late.Token) is { } line)
            {
                Append(server._output, line);
                if (!line.StartsWith("ready ", StringComparison.Ordinal)) continue;
                var ready = line.Split(' ').Skip(1).Select(p => p.Split('=', 2)).ToDictionary(p => p[0], p => p[1]);
                server._reading = server.ReadOutputAsync();
                return (server, ready);
            }
        }
        catch (OperationCanceledException)
        {
            // Told below.
        }

        string error = server.Error;
        await server.DisposeAsync();
        throw new InvalidOperationException($"norikv {string.Join(' ', args)} was not ready within {StartLimit}:\n{error}");
    }

    /// <summary>Runs a command to its end.</summary>
    public static async Task<(int Exit, string Output, string Error)> RunAsync(string address, params string[] args)
    {
        await using var command = new NorikvProcess(args, new Dictionary<string, string> { ["NORIKV_ADDR"] = address });
        string output = await command._process.StandardOutput.ReadToEndAsync();
        await command._process.WaitForExitAsync();
        return (command._process.ExitCode, output, command.Error);
    }

    /// <summary>All that it printed, once it has ended.</summary>
    public async Task<string> WholeOutputAsync()
    {
        await _reading;
        return Read(_output);
    }

    /// <summary>Ends it at once, as a crash does.</summary>
    public async Task KillAsync()
    {
        _process.Kill(); // SIGKILL
        await _process.WaitForExitAsync();
    }

    /// <summary>Asks it to end (SIGTERM) and answers its exit code.</summary>
    public async Task<int> TerminateAsync()
    {
        using (Process kill = Process.Start("kill", ["-TERM", $"{_process.Id}"])) await kill.WaitForExitAsync();
        using var late = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        await _process.WaitForExitAsync(late.Token);
        return _process.ExitCode;
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited) await KillAsync();
        await _reading;
        _process.Dispose();
    }

    private async Task ReadOutputAsync()
    {
        while (await _process.StandardOutput.ReadLineAsync() is { } line) Append(_output, line);
    }

    private static void Append(StringBuilder text, string? line)
    {
        lock (text) text.AppendLine(line);
    }

    private static string Read(StringBuilder text)
    {
        lock (text) return text.ToString();
    }
}
