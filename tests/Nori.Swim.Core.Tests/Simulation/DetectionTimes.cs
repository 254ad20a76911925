namespace Nori.Swim.Core.Tests.Simulation;

/// <summary>How long kills took to be noticed, in seconds.</summary>
internal sealed class DetectionTimes
{
    private readonly List<double> _suspected = [], _first = [], _all = [];

    /// <summary>Until somebody suspected it, mean.</summary>
    public double Suspected => _suspected.Average();

    /// <summary>Until the first member reported it, median.</summary>
    public double First => Sorted(_first)[_first.Count / 2];

    /// <summary>Until every member did.</summary>
    public double Median => Sorted(_all)[_all.Count / 2];

    public double P95 => Sorted(_all)[Math.Max(0, (int)Math.Ceiling(_all.Count * 0.95) - 1)];

    public double Worst => _all.Max();

    public void Add(double suspected, double first, double all)
    {
        _suspected.Add(suspected);
        _first.Add(first);
        _all.Add(all);
    }

    private static List<double> Sorted(List<double> values) => [.. values.Order()];
}
