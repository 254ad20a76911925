namespace Nori.Raft;

/// <summary>A part of a replica that is stepped by itself: never two calls of one at once.</summary>
/// <param name="Name">owner, log, apply or snapshot.</param>
/// <param name="RunOnce">Does what there is to do; false when there was nothing.</param>
public sealed record RaftStep(string Name, Func<bool> RunOnce);
