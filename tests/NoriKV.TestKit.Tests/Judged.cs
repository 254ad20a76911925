using NoriKV.TestKit.Simulation;

namespace NoriKV.TestKit.Tests;

/// <summary>What a test asks of a run: no promise broken, and none of which nobody knows whether it was.</summary>
internal static class Judged
{
    public static bool Holds(this SimulationReport report) => report.IsGood && report.UndecidedKeys.Count == 0;

    /// <summary>Why it does not hold.</summary>
    public static string Why(this SimulationReport report) => report.IsGood
        ? $"undecided within {report.Options.StatesMax} states: {string.Join(", ", report.UndecidedKeys)}"
        : $"{report.Violations[0].Checker}: {report.Violations[0].What}";
}
