using NoriKV.Node.Log;
using NoriKV.Types;

namespace NoriKV.Node.Tests.Snapshots;

/// <summary>What the log holds of a shard.</summary>
/// <param name="Replica">Whose records they are; none where there are no records.</param>
/// <param name="First">The first entry's index; behind <paramref name="Last"/> when there are none.</param>
/// <param name="Last">The last entry's index, or that of the truncated prefix; 0 for a new group.</param>
/// <param name="LastTerm">Its term.</param>
/// <param name="HardTerm">The hard state's term.</param>
/// <param name="Commit">The hard state's commit index.</param>
internal readonly record struct PeerLogGroup(
    ReplicaId Replica, LogIndex First, LogIndex Last, Term LastTerm, Term HardTerm, LogIndex Commit)
{
    /// <summary>Entries: damage took some that it had confirmed; it starts as damaged until it is healed.</summary>
    public LogDamage Damage { get; init; }

    /// <summary>Why the replica must not start, where the damage is and the way out; null where it may.</summary>
    public string? WhyNeverBack { get; init; }

    /// <summary>A group of which the log holds nothing.</summary>
    public static PeerLogGroup Empty { get; } = new(default, new LogIndex(1), default, default, default, default);
}
