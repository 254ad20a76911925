namespace NoriKV.Node.Meta;

/// <summary>How the meta leader places and moves replicas. Only the meta leader's own count.</summary>
public sealed record PlacementOptions
{
    /// <summary>
    /// A node without registry heartbeat to the meta leader for so long is given up and its replicas are replaced.
    /// </summary>
    /// <value>10 minutes.</value>
    public TimeSpan DeadAfter { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>Replicas that arrive at, or leave, one node at a time.</summary>
    /// <value>8.</value>
    public int MovesPerNode { get; init; } = 8;

    /// <summary>How often a node says to the meta leader that it is there.</summary>
    /// <value>1 s.</value>
    public TimeSpan HeartbeatPeriod { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>A node silent for so long gets no new replicas and counts as unknown in views.</summary>
    /// <value>5 s.</value>
    public TimeSpan SilentAfter { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>A step of a move that is not done in so long is looked at anew.</summary>
    /// <value>5 s.</value>
    public TimeSpan StepTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Leadership transfers under way at a time, of all nodes.</summary>
    /// <value>16.</value>
    public int TransfersMax { get; init; } = 16;

    /// <summary>How long nothing must have moved before leaderships are levelled.</summary>
    /// <value>2 s.</value>
    public TimeSpan LevelAfter { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>Replicas are moved where the plan wants them; false: only where an operator says.</summary>
    /// <value>true.</value>
    public bool MovesReplicas { get; init; } = true;

    /// <summary>Leaderships are spread by transfers.</summary>
    /// <value>true.</value>
    public bool LevelsLeaders { get; init; } = true;

    /// <summary>Every problem with these options, in words; empty when there is none.</summary>
    public IReadOnlyList<string> Validate()
    {
        var problems = new List<string>();
        Require(DeadAfter > SilentAfter, "Placement.DeadAfter must be longer than Placement.SilentAfter");
        Require(SilentAfter > HeartbeatPeriod, "Placement.SilentAfter must be longer than Placement.HeartbeatPeriod");
        Require(HeartbeatPeriod > TimeSpan.Zero, "Placement.HeartbeatPeriod must be positive");
        Require(StepTimeout > TimeSpan.Zero, "Placement.StepTimeout must be positive");
        Require(LevelAfter >= TimeSpan.Zero, "Placement.LevelAfter must not be negative");
        Require(MovesPerNode is >= 1 and <= 1024, "Placement.MovesPerNode must lie between 1 and 1,024");
        Require(TransfersMax is >= 1 and <= 1024, "Placement.TransfersMax must lie between 1 and 1,024");
        return problems;

        void Require(bool good, string problem)
        {
            if (!good) problems.Add(problem);
        }
    }
}
