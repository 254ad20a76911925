namespace Nori.Swim.Core;

/// <summary>
/// Lifeguard's local health multiplier (§IV-A): 0 is well; each sign that this node itself is slow adds one, each
/// answered probe takes one away. Intervals and timeouts are multiplied by the score plus one.
/// </summary>
internal sealed class LocalHealth(int max, bool enabled)
{
    public int Score { get; private set; }

    public void Add(int delta)
    {
        if (enabled) Score = Math.Clamp(Score + delta, 0, max);
    }

    public long Scale(long ticks) => ticks * (Score + 1);
}
