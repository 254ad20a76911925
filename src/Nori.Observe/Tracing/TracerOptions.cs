namespace Nori.Observe;

/// <summary>What a <see cref="Tracer"/> records.</summary>
public sealed record TracerOptions
{
    /// <summary>The share of traces begun here that is recorded, 0 to 1.</summary>
    /// <value>Default: 0.001.</value>
    public double SampleRatio { get; init; } = 0.001;

    /// <summary>Whether a trace that a caller began is recorded exactly when the caller says that it records it.</summary>
    /// <value>Default: true; false decides by <see cref="SampleRatio"/> alone.</value>
    public bool FollowsCaller { get; init; } = true;

    /// <summary>
    /// The most spans a second, whoever asks for them: a caller that samples everything must not slow everybody.
    /// </summary>
    /// <value>Default: 1,000.</value>
    public int SpansPerSecondMax { get; init; } = 1000;

    /// <summary>Everything that is wrong with these options; empty when they can be used.</summary>
    public IReadOnlyList<string> Validate()
    {
        List<string> problems = [];
        if (SampleRatio is not (>= 0 and <= 1)) problems.Add("SampleRatio must be between 0 and 1");
        if (SpansPerSecondMax < 1) problems.Add("SpansPerSecondMax must be at least 1");
        return problems;
    }
}
