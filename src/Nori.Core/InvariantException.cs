namespace Nori.Core;

/// <summary>
/// An invariant of our own code does not hold. Never caught to go on: the component that sees it stops.
/// </summary>
public sealed class InvariantException(string message) : Exception(message);
