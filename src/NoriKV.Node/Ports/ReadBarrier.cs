using NoriKV.Node.Replication;
using NoriKV.Types;

namespace NoriKV.Node.Ports;

/// <summary>What a read may rely on once its barrier has passed.</summary>
/// <param name="Error">Why it must not be served here; null when it may.</param>
/// <param name="Served">The consistency that holds.</param>
/// <param name="StalenessMs">At most this old; 0 for the latest; null where nothing can be said.</param>
/// <param name="Applied">The state was applied to here before the read.</param>
/// <param name="MustConfirm">True: what was read is an answer only once the log has confirmed it.</param>
public readonly record struct ReadBarrier(
    KvError? Error, Consistency Served, long? StalenessMs, LogIndex Applied = default, bool MustConfirm = false)
{
    /// <summary>
    /// The replica that it is about, known from before the barrier was asked for: one that arrived since may hold nothing yet.
    /// </summary>
    internal ReplicaId Replica { get; init; }

    /// <summary>The read that waited for a majority, with its stamps; null where none did.</summary>
    internal ReadRequest? Read { get; init; }
}
