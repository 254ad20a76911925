using Nori.Observe;

namespace Nori.Lsm;

/// <summary>How a scrub goes about it.</summary>
public sealed record LsmScrubOptions
{
    /// <summary>Bytes a second it reads at most; 0 as fast as the disk. <value>16 MiB.</value></summary>
    public long BytesPerSecond { get; init; } = 16L << 20;

    /// <summary>Bytes it reads in one step, at least one block. <value>256 KiB.</value></summary>
    public long StepBytes { get; init; } = 256L << 10;

    /// <summary>Where an earlier scrub stopped: tables up to there are left out. <value>The beginning.</value></summary>
    public LsmScrubPosition From { get; init; }

    /// <summary>Takes an event for each damage, and one at the end. <value>Nobody.</value></summary>
    public IEventSink Events { get; init; } = NullEventSink.Instance;

    /// <summary>The clock that the rate is kept by. <value>The system's.</value></summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>Every problem with these options, in words; empty when there is none.</summary>
    public IReadOnlyList<string> Validate()
    {
        var problems = new List<string>();
        if (BytesPerSecond < 0) problems.Add("BytesPerSecond must not be negative");
        if (StepBytes < 1) problems.Add("StepBytes must be positive");
        return problems;
    }
}
