namespace Nori.Observe.Bench;

/// <summary>What one pair of runs, on and off in turn, came to.</summary>
/// <param name="Round">Which two servers ran it.</param>
/// <param name="OnPerSecond">Operations a second with everything on.</param>
/// <param name="OffPerSecond">With everything off.</param>
/// <param name="OnMicroseconds">Processor time of one operation with everything on, client included.</param>
/// <param name="OffMicroseconds">With everything off.</param>
internal readonly record struct Pair(int Round, double OnPerSecond, double OffPerSecond, double OnMicroseconds, double OffMicroseconds)
{
    public double Throughput => OnPerSecond / OffPerSecond;

    public double Processor => OnMicroseconds / OffMicroseconds;
}
