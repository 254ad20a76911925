using NoriKV.Types;

namespace NoriKV.TestKit.Simulation.Workloads;

/// <summary>A key's part of an answer.</summary>
/// <param name="Key">The key.</param>
/// <param name="Value">What was read; null for a missing key and for writes.</param>
/// <param name="Version">The version read or written; none for a missing key.</param>
/// <param name="Error">Why this key's operation was not done (a condition).</param>
internal readonly record struct ClientItem(string Key, string? Value, KvVersion Version, KvError? Error);
