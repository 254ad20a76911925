namespace Nori.Raft.Core;

/// <summary>Says that what a Ready asked to store, and what every earlier one did, is durable.</summary>
/// <param name="Number">The number of that Ready.</param>
public readonly record struct Persisted(ulong Number);
