namespace NoriKV.Node.Formation;

/// <summary>How far a node is with its cluster.</summary>
public enum FormationStage
{
    /// <summary>It looks for the others.</summary>
    Seeking,

    /// <summary>It proposed a cluster, accepted it itself, and asks the others.</summary>
    Proposing,

    /// <summary>It accepted another's proposal and waits for what becomes of it.</summary>
    Accepted,

    /// <summary>The cluster exists and the node is one of its founders.</summary>
    Formed,

    /// <summary>One of its seeds has a cluster: the node forms none.</summary>
    ClusterFound,
}
