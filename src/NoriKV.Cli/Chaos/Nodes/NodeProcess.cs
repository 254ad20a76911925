using System.Diagnostics;
using NoriKV.Cli.Dev;

namespace NoriKV.Cli.Chaos.Nodes;

/// <summary>One life of a node.</summary>
internal sealed class NodeProcess : IDisposable
{
    private readonly Process _process;
    private readonly Guard _guard;
    private readonly TaskCompletionSource<bool> _ready = new(TaskCreationOptions.RunContinuationsAsynchronously);

    // Guards the input.
    private readonly Lock _gate = new();

    public NodeProcess(IReadOnlyList<string> arguments, TextWriter words, Guard guard)
    {
        _guard = guard;
        ProcessStartInfo start = ChildNode.ThisProgram();
        (start.RedirectStandardInput, start.RedirectStandardOutput, start.RedirectStandardError) = (true, true, true);
        foreach (string argument in arguments) start.ArgumentList.Add(argument);
        _process = Process.Start(start)!;
        _process.StandardInput.AutoFlush = true;
        Id = _process.Id;
        guard.Add(Id);
        Ended = RunAsync(words);
    }

    /// <summary>Its process id, also when it has ended.</summary>
    public int Id { get; }

    /// <summary>True once it serves; false when it ended before.</summary>
    public Task<bool> Ready => _ready.Task;

    /// <summary>Its exit code, once it ended and all its words are written.</summary>
    public Task<int> Ended { get; }

    /// <summary>True when it was asked or made to end.</summary>
    public bool IsEnding { get; private set; }

    /// <summary>Its disk failed or rotted: it may end by itself, or serve nothing until it is started again.</summary>
    public bool MayFail { get; set; }

    /// <summary>Gives it an order.</summary>
    public void Tell(string order)
    {
        try
        {
            lock (_gate) _process.StandardInput.WriteLine(order);
        }
        catch (Exception ended) when (ended is IOException or ObjectDisposedException)
        {
            // It has ended, and another life may have begun.
        }
    }

    public void Pause() => Signals.Stop(Id);

    public void Resume() => Signals.Continue(Id);

    /// <summary>SIGTERM.</summary>
    public void Terminate()
    {
        IsEnding = true;
        Signals.Continue(Id);
        Signals.Terminate(Id);
    }

    /// <summary>SIGKILL, which ends one that stands still, too.</summary>
    public void Kill()
    {
        IsEnding = true;
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

    private async Task<int> RunAsync(TextWriter words)
    {
        await Task.WhenAll(ReadAsync(_process.StandardOutput, words), ReadAsync(_process.StandardError, words)).ConfigureAwait(false);
        await _process.WaitForExitAsync().ConfigureAwait(false);
        _guard.Remove(Id);
        _ready.TrySetResult(false);
        return _process.ExitCode;
    }

    private async Task ReadAsync(StreamReader reader, TextWriter words)
    {
        while (await reader.ReadLineAsync().ConfigureAwait(false) is { } line)
        {
            lock (words) words.WriteLine(line);
            if (line.StartsWith("ready ", StringComparison.Ordinal)) _ready.TrySetResult(true);
        }
    }
}
