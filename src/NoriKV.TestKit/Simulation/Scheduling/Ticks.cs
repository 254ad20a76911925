using System.Globalization;

namespace NoriKV.TestKit.Simulation.Scheduling;

/// <summary>Spans of virtual time in ticks of 100 ns.</summary>
internal static class Ticks
{
    public const long Microsecond = TimeSpan.TicksPerMicrosecond;
    public const long Millisecond = TimeSpan.TicksPerMillisecond;
    public const long Second = TimeSpan.TicksPerSecond;

    /// <summary>Seconds with four digits, for the story.</summary>
    public static string Text(long ticks) => (ticks / (double)Second).ToString("0.0000", CultureInfo.InvariantCulture);
}
