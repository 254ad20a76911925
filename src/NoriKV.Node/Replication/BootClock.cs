using System.Runtime.InteropServices;

namespace NoriKV.Node.Replication;

/// <summary>
/// The clock of leases: nanoseconds that also count while the machine is suspended. The usual monotonic clock stands still
/// then, and a leader that wakes up would believe in a lease that is long over.
/// </summary>
internal static partial class BootClock
{
    private const int Boottime = 7;

    /// <summary>True where the system has such a clock and the node runs on the system's time.</summary>
    public static bool IsFor(TimeProvider time) => time == TimeProvider.System && OperatingSystem.IsLinux();

    /// <summary>Since the machine started, suspended or not.</summary>
    public static long Nanoseconds
    {
        get
        {
            int result = GetTime(Boottime, out Timespec now);
            Nori.Core.Invariant.Assert(result == 0);
            return (now.Seconds * 1_000_000_000) + now.Nanoseconds;
        }
    }

    [LibraryImport("libc", EntryPoint = "clock_gettime")]
    [SuppressGCTransition]
    private static partial int GetTime(int clock, out Timespec time);

    // As on 64-bit Linux.
    [StructLayout(LayoutKind.Sequential)]
    private struct Timespec
    {
        public long Seconds;
        public long Nanoseconds;
    }
}
