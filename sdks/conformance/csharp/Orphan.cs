using System.Diagnostics;
using System.Globalization;
using NoriKV.Client.Testing;

namespace NoriKV.Conformance;

/// <summary>A program of its own that starts a server and ends: the server ends, too.</summary>
internal static class Orphan
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    public static async Task OutlivedAsync(string how)
    {
        var start = new ProcessStartInfo(Environment.ProcessPath!, [typeof(Orphan).Assembly.Location, "orphan", how])
        {
            RedirectStandardOutput = true,
        };
        using Process program = Process.Start(start)!;
        int server = int.Parse((await program.StandardOutput.ReadLineAsync())!, CultureInfo.InvariantCulture);
        if (how != "exit")
        {
            using Process kill = Process.Start("kill", [$"-{how}", program.Id.ToString(CultureInfo.InvariantCulture)]);
            await kill.WaitForExitAsync();
        }

        await program.WaitForExitAsync();
        long begun = Stopwatch.GetTimestamp();
        while (IsAlive(server))
        {
            if (Stopwatch.GetElapsedTime(begun) > Patience)
            {
                Process.GetProcessById(server).Kill();
                throw new ExpectationException($"the server outlived its program ({how})");
            }

            await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System);
        }
    }

    public static async Task RunAsync(string how)
    {
        Console.WriteLine((await EphemeralServer.StartAsync()).ProcessId);
        if (how == "exit") Environment.Exit(0);
        await Task.Delay(TimeSpan.FromMinutes(10), TimeProvider.System);
    }

    private static bool IsAlive(int pid)
    {
        try
        {
            string stat = File.ReadAllText($"/proc/{pid}/stat");
            return stat[stat.LastIndexOf(')') + 2] != 'Z';
        }
        catch (IOException)
        {
            return false;
        }
    }
}
