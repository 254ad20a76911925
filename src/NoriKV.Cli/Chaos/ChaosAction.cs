namespace NoriKV.Cli.Chaos;

/// <summary>One thing that will be done to a cluster.</summary>
/// <param name="Number">In the order of the plan, from 0.</param>
/// <param name="Kind">One kind.</param>
/// <param name="At">Since the round began.</param>
/// <param name="Lasts">How long.</param>
/// <param name="Seed">What else is drawn comes from this.</param>
internal readonly record struct ChaosAction(int Number, ChaosFaults Kind, TimeSpan At, TimeSpan Lasts, ulong Seed);
