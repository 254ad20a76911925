using Nori.Raft.Core;

namespace Nori.Raft;

/// <summary>What became of a read.</summary>
/// <typeparam name="T">What was read.</typeparam>
/// <param name="Status">Done, or why not.</param>
/// <param name="Value">What was read, when done.</param>
/// <param name="Index">The state held every entry up to here, and perhaps more.</param>
/// <param name="IsUnderLease">True when the lease vouches for it, without a round of messages.</param>
public readonly record struct ReadResult<T>(ReadStatus Status, T? Value, LogIndex Index, bool IsUnderLease)
{
    /// <summary>True when it was read.</summary>
    public bool IsDone => Status == ReadStatus.Done;
}
