namespace NoriKV.Node.Meta;

/// <summary>What a replica is to become of its shard, by the registry. Part of the format of meta records.</summary>
internal enum MetaRole : byte
{
    /// <summary>It has a vote and keeps it.</summary>
    Voter = 1,

    /// <summary>It gets the log and no vote: a spare copy where there are too few nodes for more voters.</summary>
    Learner = 2,

    /// <summary>It gets the log, and a vote once it has caught up.</summary>
    Arriving = 3,

    /// <summary>It is to take part no more; a vote it loses with the step that gives those that arrive theirs.</summary>
    Leaving = 4,

    /// <summary>It gets the log, and stays without a vote: a learner once it takes part.</summary>
    Joining = 5,
}
