namespace NoriKV.TestKit.Simulation.Checks;

/// <summary>Where a replica stands.</summary>
/// <param name="IsLeader">It leads.</param>
/// <param name="Term">Its term.</param>
/// <param name="Commit">The last entry it knows to be committed.</param>
/// <param name="Last">The last entry of its log.</param>
/// <param name="Durable">The last entry that it counts as durable here.</param>
/// <param name="Applied">The last entry whose effect can be read.</param>
/// <param name="First">The first entry that its log still has.</param>
/// <param name="IsDamaged">Its log has lost something, and heals.</param>
/// <param name="Replica">Which replica it is.</param>
/// <param name="Stopped">Why it takes no part any more; null while it does.</param>
internal readonly record struct ReplicaSight(
    bool IsLeader, ulong Term, ulong Commit, ulong Last, ulong Durable, ulong Applied, ulong First, bool IsDamaged, ulong Replica,
    string? Stopped);
