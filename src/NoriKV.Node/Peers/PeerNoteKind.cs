namespace NoriKV.Node.Peers;

/// <summary>What happened to a peer.</summary>
internal enum PeerNoteKind
{
    /// <summary>Nothing was heard for an election timeout.</summary>
    Silent,

    /// <summary>Its process is another one.</summary>
    Restarted,

    /// <summary>It says that it is not well.</summary>
    Unwell,

    /// <summary>It was silent or unwell and is back.</summary>
    Returned,
}
