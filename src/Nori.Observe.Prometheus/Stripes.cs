using System.Numerics;
using System.Runtime.CompilerServices;

namespace Nori.Observe.Prometheus;

/// <summary>
/// Spreads one number over several cache lines so that processors that count at the same time do not fight for
/// one; the reader adds them up.
/// </summary>
internal static class Stripes
{
    /// <summary>
    /// Longs from one stripe's first to the next one's: two lines, because processors fetch lines in pairs.
    /// </summary>
    public const int Spacing = 16;

    /// <summary>A power of two, at most 16: beyond that memory costs more than contention.</summary>
    public static int Count { get; } =
        (int)BitOperations.RoundUpToPowerOf2((uint)Math.Min(Environment.ProcessorCount, 16));

    /// <summary>The stripe for the processor we run on; a hint, as we may move on the next instruction.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int Current() => Thread.GetCurrentProcessorId() & (Count - 1);
}
