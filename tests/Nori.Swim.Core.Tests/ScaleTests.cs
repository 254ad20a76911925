using Nori.Swim.Core.Tests.Simulation;

namespace Nori.Swim.Core.Tests;

/// <summary>The short form of docs/swim.md: what grows with the number of members, and what does not.</summary>
public sealed class ScaleTests
{
    [Theory]
    [InlineData(3)]
    [InlineData(10)]
    [InlineData(100)]
    public void News_are_everywhere_within_a_logarithmic_number_of_periods(int count)
    {
        (double _, double alone) = Experiments.Dissemination(count, gossip: false, loss: 0, runs: 5);
        (double _, double worst) = Experiments.Dissemination(count, gossip: true, loss: 0, runs: 5);
        double bound = 1 + Math.Log2(count);
        Assert.True(alone <= bound, $"{count} members: {alone} periods along with probes only, bound {bound:0.0}");
        Assert.True(worst <= Math.Max(1.5, bound / 2), $"{count} members: {worst} periods with gossip rounds");
    }

    [Fact]
    public void The_load_of_a_member_does_not_depend_on_how_many_there_are()
    {
        (double few, double _, double fewBytes) = Experiments.Load(3, lifeguard: true);
        (double many, double busiest, double manyBytes) = Experiments.Load(100, lifeguard: true);
        Assert.InRange(many / few, 0.9, 1.1);
        Assert.InRange(manyBytes / fewBytes, 0.9, 1.1);
        Assert.InRange(busiest, 1, 4);
    }

    [Fact]
    [Trait("Category", "Slow")]
    public void A_thousand_members_detect_a_death()
    {
        DetectionTimes times = Experiments.Detection(1000, Experiments.Config(lifeguard: true), loss: 0, kills: 1);
        Assert.InRange(times.First, 6, 20);
        Assert.InRange(times.Worst, times.First, times.First + 3);
    }
}
