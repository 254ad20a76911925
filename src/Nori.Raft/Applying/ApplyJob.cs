namespace Nori.Raft;

/// <summary>What the state machine is to do next.</summary>
internal abstract record ApplyJob
{
    /// <summary>Committed entries, in order, each with whoever waits for it here.</summary>
    public sealed record Entries(RaftEntry[] Items, PendingCommand?[] Waiting, long Size) : ApplyJob;

    /// <summary>A snapshot was installed: take its state.</summary>
    public sealed record Restore : ApplyJob;

    /// <summary>Capture the state as it is.</summary>
    public sealed record Capture : ApplyJob;
}
