namespace Nori.Raft.Core;

/// <summary>What became of a message.</summary>
public enum StepResult
{
    /// <summary>It was taken into account.</summary>
    Processed,

    /// <summary>
    /// It is of an earlier term, or a request for a vote that this replica may not give now.
    /// </summary>
    Ignored,

    /// <summary>
    /// It belongs to another group or another replica, perhaps one that lived here before: dropped.
    /// </summary>
    Foreign,

    /// <summary>It contradicts itself: dropped.</summary>
    Malformed,
}
