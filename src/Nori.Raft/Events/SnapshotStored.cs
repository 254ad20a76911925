using Nori.Observe;

namespace Nori.Raft;

/// <summary>A snapshot is the newest one now: taken here, or received and about to replace the state.</summary>
/// <param name="Group">The group.</param>
/// <param name="Index">What it covers.</param>
/// <param name="IsReceived">From another replica.</param>
public readonly record struct SnapshotStored(ulong Group, ulong Index, bool IsReceived) : IEvent
{
    /// <inheritdoc/>
    public string Family => "Raft";

    /// <inheritdoc/>
    public string Kind => IsReceived ? "SnapshotInstalled" : "SnapshotTaken";

    /// <inheritdoc/>
    public void WriteFields(IEventFields fields)
    {
        fields.Add("group", (long)Group);
        fields.Add("index", (long)Index);
    }
}
