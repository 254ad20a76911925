using System.Diagnostics;
using NoriKV.Cli.Console;

namespace NoriKV.Cli.Dev;

/// <summary>
/// A node in a process of its own, run by <c>dev --nodes</c>. It ends when its standard input does, so it never outlives this
/// process, however that ends.
/// </summary>
internal sealed class ChildNode : IDisposable
{
    private readonly Process _process;
    private readonly TaskCompletionSource<string> _ready = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <param name="name">Its node_id.</param>
    /// <param name="arguments">Of the command line.</param>
    /// <param name="host">Where its words go.</param>
    public ChildNode(string name, IReadOnlyList<string> arguments, CliHost host)
    {
        Name = name;
        ProcessStartInfo start = ThisProgram();
        (start.RedirectStandardInput, start.RedirectStandardOutput, start.RedirectStandardError) = (true, true, true);
        foreach (string argument in arguments) start.ArgumentList.Add(argument);
        _process = Process.Start(start)!;
        Reading = Task.WhenAll(ReadOutputAsync(), ReadErrorsAsync(host.Error));
    }

    public string Name { get; }

    public int Id => _process.Id;

    /// <summary>The ready line; fails when it ends before.</summary>
    public Task<string> Ready => _ready.Task;

    /// <summary>Ends when the process does.</summary>
    public Task Reading { get; }

    /// <summary>How it ended, once it has.</summary>
    public int ExitCode => _process.ExitCode;

    /// <summary>Starts this very program again.</summary>
    public static ProcessStartInfo ThisProgram()
    {
        string self = Environment.ProcessPath!;
        string library = Path.Combine(AppContext.BaseDirectory, "norikv.dll");
        bool isHosted = Path.GetFileNameWithoutExtension(self) == "dotnet" || !File.Exists(self);
        var start = new ProcessStartInfo(self) { UseShellExecute = false };
        if (isHosted) start.ArgumentList.Add(library);
        return start;
    }

    /// <summary>Asks it to end, as a signal would.</summary>
    public void Stop()
    {
        try
        {
            _process.StandardInput.Close();
        }
        catch (IOException)
        {
            // It has ended.
        }
    }

    /// <summary>Ends it at once.</summary>
    public void Kill()
    {
        try
        {
            _process.Kill();
        }
        catch (InvalidOperationException)
        {
            // It has ended.
        }
    }

    public void Dispose() => _process.Dispose();

    private async Task ReadOutputAsync()
    {
        while (await _process.StandardOutput.ReadLineAsync().ConfigureAwait(false) is { } line)
        {
            if (line.Contains("ready", StringComparison.Ordinal)) _ready.TrySetResult(line);
        }

        await _process.WaitForExitAsync().ConfigureAwait(false);
        _ready.TrySetException(new InvalidOperationException($"{Name} ended with exit code {_process.ExitCode} before it served"));
    }

    private async Task ReadErrorsAsync(TextWriter errors)
    {
        while (await _process.StandardError.ReadLineAsync().ConfigureAwait(false) is { } line)
        {
            lock (errors) errors.WriteLine($"{Name} {line}");
        }
    }
}
