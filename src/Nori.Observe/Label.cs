namespace Nori.Observe;

/// <summary>A name and a value that tell series of one metric apart.</summary>
public readonly record struct Label(string Name, string Value);
