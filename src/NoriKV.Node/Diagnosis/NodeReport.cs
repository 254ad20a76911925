using NoriKV.Types;

namespace NoriKV.Node.Diagnosis;

/// <summary>What a node says of itself when it is asked what is wrong.</summary>
internal sealed record NodeReport
{
    public NodeNumber Node { get; init; }

    /// <summary>Of the program.</summary>
    public string Version { get; init; } = "";

    public ulong BootEpoch { get; init; }

    public long UptimeMs { get; init; }

    /// <summary>Why it serves nothing; empty while it does.</summary>
    public string NotReady { get; init; } = "";

    /// <summary>For how long a write has waited for its sync.</summary>
    public long StallMs { get; init; }

    public bool IsDiskWell { get; init; } = true;

    /// <summary>Why writes wait for space; empty while they do not.</summary>
    public string DiskFull { get; init; } = "";

    /// <summary>Free where the data lies; -1 where that cannot be told.</summary>
    public long FreeBytes { get; init; } = -1;

    public long ReserveBytes { get; init; }

    /// <summary>Syncs of the last minute.</summary>
    public int Syncs { get; init; }

    public long SyncP99Us { get; init; }

    public long SyncMaxUs { get; init; }

    /// <summary>How far its wall clock is ahead of the median of those it hears.</summary>
    public long ClockLeadMs { get; init; }

    /// <summary>When its certificate ends, in Unix milliseconds; 0 where it has none.</summary>
    public long CertificateEndsMs { get; init; }

    /// <summary>Its wall clock.</summary>
    public long UnixMs { get; init; }

    /// <summary>Bytes committed and not applied, and how many there may be.</summary>
    public long BacklogBytes { get; init; }

    public long BacklogBytesMax { get; init; }

    /// <summary>Other members that it does not hear.</summary>
    public IReadOnlyList<NodeNumber> Unheard { get; init; } = [];

    public IReadOnlyList<ReplicaReport> Replicas { get; init; } = [];

    /// <summary>It leads the meta group: what follows is told by that one only.</summary>
    public bool LeadsMeta { get; init; }

    /// <summary>Members silent towards it, and for how long.</summary>
    public IReadOnlyList<(NodeNumber Node, long SilentMs)> Silent { get; init; } = [];

    public IReadOnlyList<MoveReport> Moves { get; init; } = [];

    public int ReplicationFactor { get; init; }

    public int EffectiveFactor { get; init; }

    /// <summary>After so long a silence replicas are replaced by themselves.</summary>
    public long DeadAfterMs { get; init; }
}
