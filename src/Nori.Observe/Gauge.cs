namespace Nori.Observe;

/// <summary>A value that goes up and down.</summary>
public abstract class Gauge
{
    /// <summary>Sets the value.</summary>
    public abstract void Set(double value);

    /// <summary>Adds to the value; negative takes away.</summary>
    public abstract void Add(double delta);
}
