using System.Runtime.InteropServices;

namespace NoriKV.Cli.Chaos.Nodes;

/// <summary>Signals to processes that were started here.</summary>
internal static partial class Signals
{
    // Linux numbers.
    private const int SigTerm = 15, SigCont = 18, SigStop = 19;

    public static void Stop(int process) => Send(process, SigStop);

    public static void Continue(int process) => Send(process, SigCont);

    public static void Terminate(int process) => Send(process, SigTerm);

    // One that has ended needs no signal.
    private static void Send(int process, int signal) => _ = Kill(process, signal);

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int Kill(int process, int signal);
}
