using System.Diagnostics;

namespace NoriKV.Cli.Chaos.Nodes;

/// <summary>
/// A shell that reads which nodes there are, and kills them when its input ends: so nothing stays behind even when this process is
/// killed, not even a node that stands still and cannot see the end of its own input.
/// </summary>
internal sealed class Guard : IDisposable
{
    private const string Script = """
        trap '' INT TERM HUP
        pids=' '
        while read -r word pid; do
          case $word in
            +) pids="$pids$pid " ;;
            -) pids=$(printf %s "$pids" | sed "s/ $pid / /") ;;
            done) exit 0 ;;
          esac
        done
        for pid in $pids; do kill -9 "$pid" 2>/dev/null; done
        [ -z "$1" ] || rm -rf "$1"
        """;

    private readonly Process _shell;

    // Guards the shell's input.
    private readonly Lock _gate = new();

    /// <param name="folder">Removed with the nodes; null keeps what there is.</param>
    public Guard(string? folder)
    {
        var start = new ProcessStartInfo("/bin/sh") { RedirectStandardInput = true, UseShellExecute = false };
        foreach (string argument in (string[])["-c", Script, "norikv-chaos-guard", folder ?? ""]) start.ArgumentList.Add(argument);
        _shell = Process.Start(start)!;
        _shell.StandardInput.AutoFlush = true;
    }

    public int Id => _shell.Id;

    public void Add(int process) => Tell($"+ {process}");

    public void Remove(int process) => Tell($"- {process}");

    /// <summary>Ends its input, as the death of this process does.</summary>
    public void Abandon()
    {
        lock (_gate) _shell.StandardInput.Close();
        _shell.WaitForExit(TimeSpan.FromSeconds(60));
        _shell.Dispose();
    }

    /// <summary>All nodes have ended.</summary>
    public void Dispose()
    {
        Tell("done");
        _shell.WaitForExit(TimeSpan.FromSeconds(5));
        _shell.Dispose();
    }

    private void Tell(string line)
    {
        try
        {
            lock (_gate) _shell.StandardInput.WriteLine(line);
        }
        catch (IOException)
        {
            // Somebody killed it. The nodes end with their input all the same.
        }
    }
}
