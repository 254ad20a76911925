namespace Nori.Raft.Core;

/// <summary>Whether a group's timers run.</summary>
public enum SleepState
{
    /// <summary>They run.</summary>
    Awake,

    /// <summary>A leader waits for its voters to go to sleep.</summary>
    FallingAsleep,

    /// <summary>They stand still until something happens.</summary>
    Asleep,
}
