using NoriKV.Node.Replication;

namespace NoriKV.Node;

/// <summary>A part of a node's work, for an owner that runs the node without threads.</summary>
/// <param name="Name">
/// <c>raft-0</c> …, <c>log</c> (write, then sync), <c>apply-0</c> …, <c>engine</c>, <c>snapshot</c>, <c>calls</c> (frames of
/// calls between nodes), <c>tick</c> (deadlines, Raft ticks, liveness, maintenance).
/// </param>
/// <param name="RunOnce">Does what there is to do now; false when there was nothing.</param>
public sealed record NodeStep(string Name, Func<bool> RunOnce)
{
    /// <summary>What a loop would sleep on when there is nothing to do; null: only time, or another step, makes work.</summary>
    internal StepSignal? Signal { get; init; }

    /// <summary>Milliseconds after which there may be work although nothing happened; null: never.</summary>
    internal Func<int?> RetryInMs { get; init; } = static () => null;

    /// <summary>True while its next run is the end of a sync: a simulated disk lets time pass before that.</summary>
    internal Func<bool> IsSyncing { get; init; } = static () => false;
}
