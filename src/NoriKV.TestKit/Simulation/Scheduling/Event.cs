namespace NoriKV.TestKit.Simulation.Scheduling;

/// <summary>Something that happens at a moment of virtual time.</summary>
/// <param name="Time">When, in ticks.</param>
/// <param name="Tie">Which of one moment comes first.</param>
/// <param name="Action">What is done, with the other two.</param>
/// <param name="Target">Whose event it is.</param>
/// <param name="Number">Which of them.</param>
internal readonly record struct Event(long Time, ulong Tie, Action<object, int> Action, object Target, int Number);
