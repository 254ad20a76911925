namespace Nori.Raft;

/// <summary>What became of a command.</summary>
public enum CommandStatus
{
    /// <summary>It is applied, durable on a majority; the result is there.</summary>
    Applied,

    /// <summary>This replica does not lead. The command was not executed: send it to the leader.</summary>
    NotLeader,

    /// <summary>Too much is under way. The command was not executed: try again later.</summary>
    Overloaded,

    /// <summary>A change of leaders cut it off. The command was not executed and never will be.</summary>
    Lost,

    /// <summary>Nobody can tell yet: the command may have been executed, or may still be.</summary>
    Unknown,
}
