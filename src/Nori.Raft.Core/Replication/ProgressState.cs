namespace Nori.Raft.Core;

/// <summary>How a leader sends to a peer.</summary>
public enum ProgressState
{
    /// <summary>It looks for the place where both logs agree: one message at a time.</summary>
    Probe,

    /// <summary>It knows the place and pipelines what follows, within the window.</summary>
    Replicate,

    /// <summary>The peer needs a snapshot; nothing is sent until that is through.</summary>
    Snapshot,
}
