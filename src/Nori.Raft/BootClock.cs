using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Nori.Raft;

/// <summary>
/// Nanoseconds that also pass while the machine sleeps, where the platform has such a clock: a lease must not outlive a
/// suspension.
/// </summary>
internal static partial class BootClock
{
    private const int BootTime = 7;

    public static long Nanoseconds
    {
        get
        {
            if (OperatingSystem.IsLinux() && ClockGetTime(BootTime, out TimeSpec time) == 0)
                return (time.Seconds * 1_000_000_000) + time.Nanoseconds;
            return (long)(Stopwatch.GetTimestamp() * (1e9 / Stopwatch.Frequency));
        }
    }

    [LibraryImport("libc", EntryPoint = "clock_gettime")]
    [SuppressGCTransition]
    private static partial int ClockGetTime(int clock, out TimeSpec time);

    [StructLayout(LayoutKind.Sequential)]
    private struct TimeSpec
    {
        public long Seconds;
        public long Nanoseconds;
    }
}
