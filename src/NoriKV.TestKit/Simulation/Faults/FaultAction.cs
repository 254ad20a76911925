using NoriKV.TestKit.Simulation.Scheduling;

namespace NoriKV.TestKit.Simulation.Faults;

/// <summary>
/// One thing to be done to the cluster. It draws its details from a seed of its own, so leaving others out does not change it.
/// </summary>
/// <param name="Number">Its place in the plan, by which it can be left out.</param>
/// <param name="Kind">What.</param>
/// <param name="At">When, in ticks.</param>
/// <param name="Duration">For how long, in ticks, where it has an end.</param>
/// <param name="Seed">Of its details.</param>
internal sealed record FaultAction(int Number, FaultKinds Kind, long At, long Duration, ulong Seed)
{
    public override string ToString() => $"#{Number} {Kind} at {Ticks.Text(At)} s for {Ticks.Text(Duration)} s";
}
