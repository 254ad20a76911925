namespace NoriKV.Node.Machine;

/// <summary>How a replica takes part. Part of formats.</summary>
[Flags]
public enum MemberRole : byte
{
    /// <summary>Not at all.</summary>
    None = 0,

    /// <summary>A voter; while joint, of the new half.</summary>
    Voter = 1,

    /// <summary>It gets the log and has no vote.</summary>
    Learner = 2,

    /// <summary>While joint: a voter of the old half.</summary>
    Outgoing = 4,

    /// <summary>While joint: a voter of the old half that stays on as a learner.</summary>
    LearnerNext = 8,
}
