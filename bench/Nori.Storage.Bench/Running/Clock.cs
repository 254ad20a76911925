using System.Diagnostics;

namespace Nori.Storage.Bench.Running;

/// <summary>When a timed worker stops.</summary>
internal sealed class Clock
{
    private long _end = long.MaxValue;

    /// <summary>Ask every few operations: it reads the clock.</summary>
    public bool IsOver => Stopwatch.GetTimestamp() >= Volatile.Read(ref _end);

    public void EndAfter(TimeSpan time) =>
        Volatile.Write(ref _end, Stopwatch.GetTimestamp() + (long)(time.TotalSeconds * Stopwatch.Frequency));

    public void EndNow() => Volatile.Write(ref _end, 0);
}
