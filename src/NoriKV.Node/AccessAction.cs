namespace NoriKV.Node;

/// <summary>What a caller wants to do.</summary>
public enum AccessAction
{
    /// <summary>Read keys.</summary>
    Read,

    /// <summary>Write or remove keys.</summary>
    Write,

    /// <summary>See topology, health, metrics and events.</summary>
    Observe,

    /// <summary>Change the cluster: the Admin service.</summary>
    Administer,

    /// <summary>Speak as a member of the cluster: the Raft service.</summary>
    Peer,
}
