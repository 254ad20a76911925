namespace NoriKV.Node.Peers;

/// <summary>What a message of a call frame is. Part of the format.</summary>
internal enum PeerCallKind : byte
{
    /// <summary>A call that wants an answer.</summary>
    Request = 1,

    /// <summary>The answer.</summary>
    Reply = 2,

    /// <summary>The asker gave up.</summary>
    Cancel = 3,

    /// <summary>A call that wants none.</summary>
    Note = 4,
}
