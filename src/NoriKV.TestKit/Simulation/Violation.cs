namespace NoriKV.TestKit.Simulation;

/// <summary>A promise that a run saw broken.</summary>
/// <param name="Checker">Which promise: linearizable, one_leader_per_term, replicas_equal, …</param>
/// <param name="At">When it was noticed, in virtual time since the start.</param>
/// <param name="What">What was seen, in words.</param>
public sealed record Violation(string Checker, TimeSpan At, string What);
