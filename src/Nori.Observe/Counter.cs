namespace Nori.Observe;

/// <summary>A count that only rises. Adding takes at most 80 ns and allocates nothing.</summary>
public abstract class Counter
{
    /// <summary>Adds <paramref name="delta"/>, which is not negative.</summary>
    public abstract void Add(long delta = 1);
}
