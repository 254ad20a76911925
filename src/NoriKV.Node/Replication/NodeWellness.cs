namespace NoriKV.Node.Replication;

/// <summary>Whether a node is fit to lead.</summary>
/// <param name="IsDiskWell">Its disk answers in time. Without that it does not campaign, and resigns if nobody takes over.</param>
/// <param name="IsClockWell">
/// Its wall clock agrees with the others'. Without that it hands its leaderships to nodes that are well, and campaigns only where nobody
/// leads for long: a leader with a wrong clock is better than none.
/// </param>
internal readonly record struct NodeWellness(bool IsDiskWell, bool IsClockWell)
{
    public bool IsWell => IsDiskWell && IsClockWell;
}
