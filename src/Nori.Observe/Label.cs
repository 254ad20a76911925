namespace Nori.Observe;

/// <summary>A name and a value that tell series of one metric apart.</summary>
/// <param name="Name">In snake case.</param>
/// <param name="Value">One of a bounded set.</param>
public readonly record struct Label(string Name, string Value);
