namespace NoriKV.Node.Diagnosis;

/// <summary>The ids of findings: a contract with scripts and alerts, none is renamed. docs/doctor.md explains each.</summary>
public static class FindingIds
{
    /// <summary>Of some shards fewer than a majority of the voters are on nodes that answer.</summary>
    public const string NoQuorum = "no-quorum";

    /// <summary>A majority of the voters is there, and none of them leads.</summary>
    public const string NoLeader = "no-leader";

    /// <summary>Nobody leads the meta group, so that nothing about the cluster can change.</summary>
    public const string NoMetaLeader = "no-meta-leader";

    /// <summary>A member does not answer the node that asks.</summary>
    public const string NodeUnreachable = "node-unreachable";

    /// <summary>A member has been silent towards the meta leader for long.</summary>
    public const string NodeDead = "node-dead";

    /// <summary>A node answers, and serves nothing.</summary>
    public const string NodeStopped = "node-stopped";

    /// <summary>The node that is asked is no member of the cluster any more, and still runs.</summary>
    public const string NodeGone = "node-gone";

    /// <summary>Two nodes that both answer do not hear each other.</summary>
    public const string LinkDown = "link-down";

    /// <summary>A replica was stopped: by an entry it does not know, or by damage that it cannot heal alone.</summary>
    public const string ReplicaStopped = "replica-stopped";

    /// <summary>A replica lost what it held, and has neither vote nor leadership until its leader has healed it.</summary>
    public const string ReplicaDamaged = "replica-damaged";

    /// <summary>A replica's log is far behind its leader's.</summary>
    public const string ReplicaLagging = "replica-lagging";

    /// <summary>A node applies more slowly than entries come.</summary>
    public const string ApplyBehind = "apply-behind";

    /// <summary>Some shards have fewer voters on nodes that answer than the cluster wants.</summary>
    public const string UnderReplicated = "under-replicated";

    /// <summary>A move of a replica has made no step for long.</summary>
    public const string MoveStuck = "move-stuck";

    /// <summary>Syncs of a node's log take long.</summary>
    public const string DiskSlow = "disk-slow";

    /// <summary>A write waits for a sync now.</summary>
    public const string DiskStalled = "disk-stalled";

    /// <summary>Writes wait for space.</summary>
    public const string DiskFull = "disk-full";

    /// <summary>Soon they will.</summary>
    public const string DiskNearlyFull = "disk-nearly-full";

    /// <summary>A node's wall clock is off the others'.</summary>
    public const string ClockGap = "clock-gap";

    /// <summary>Nodes run different versions.</summary>
    public const string VersionSkew = "version-skew";

    /// <summary>A node's certificate ends soon, or has ended.</summary>
    public const string CertificateEnds = "certificate-ends";

    /// <summary>There are fewer nodes than the configured replication factor asks for.</summary>
    public const string FewNodes = "few-nodes";

    /// <summary>A drained node is empty and could be removed.</summary>
    public const string NodeDrained = "node-drained";

    /// <summary>All of them, sorted.</summary>
    public static IReadOnlyList<string> All { get; } =
    [
        ApplyBehind, CertificateEnds, ClockGap, DiskFull, DiskNearlyFull, DiskSlow, DiskStalled, FewNodes, LinkDown, MoveStuck,
        NoLeader, NoMetaLeader, NoQuorum, NodeDead, NodeDrained, NodeGone, NodeStopped, NodeUnreachable, ReplicaDamaged, ReplicaLagging,
        ReplicaStopped, UnderReplicated, VersionSkew,
    ];
}
