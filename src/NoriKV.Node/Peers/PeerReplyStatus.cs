namespace NoriKV.Node.Peers;

/// <summary>What became of a call. Those below 16 are sent and part of the format.</summary>
internal enum PeerReplyStatus : byte
{
    /// <summary>It was answered; the body is the method's.</summary>
    Ok = 0,

    /// <summary>It was not taken: the method is unknown there, or not served now. The body says why, in UTF-8.</summary>
    Refused = 1,

    /// <summary>It was not taken: too many are being served for this node.</summary>
    Overloaded = 2,

    /// <summary>It was given up on the asker's word.</summary>
    Stopped = 3,

    /// <summary>Never on its way: no connection, or too many under way.</summary>
    NotSent = 16,

    /// <summary>The deadline passed; it may have been done.</summary>
    TimedOut = 17,

    /// <summary>The other node restarted or fell silent; it may have been done.</summary>
    Lost = 18,

    /// <summary>The caller gave up; it may have been done.</summary>
    Cancelled = 19,

    /// <summary>This node goes no further; it may have been done.</summary>
    Failed = 20,
}
