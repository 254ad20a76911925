namespace NoriKV.Cli.Chaos.Measures;

/// <summary>One figure beside its goal.</summary>
/// <param name="What">What was measured.</param>
/// <param name="Figure">What came out, in words with units.</param>
/// <param name="Goal">What it should be.</param>
/// <param name="IsMet">Whether it is.</param>
internal sealed record MeasureRow(string What, string Figure, string Goal, bool IsMet);
