namespace NoriKV.Node;

/// <summary>A part of a node's work, for an owner that runs the node without threads.</summary>
/// <param name="Name">
/// <c>raft-0</c> …, <c>log</c> (write and sync), <c>apply-0</c> …, <c>engine</c>, <c>snapshot</c>, <c>calls</c> (frames of
/// calls between nodes), <c>tick</c> (deadlines, Raft ticks, liveness, maintenance).
/// </param>
/// <param name="RunOnce">Does what there is to do now; false when there was nothing.</param>
public sealed record NodeStep(string Name, Func<bool> RunOnce);
