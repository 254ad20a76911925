namespace NoriKV.TestKit.Simulation;

/// <summary>How a simulated cluster changes while it runs.</summary>
public enum SimulationScenario
{
    /// <summary>Not at all: every shard has a replica on every node from the beginning to the end.</summary>
    None = 0,

    /// <summary>A node alone becomes three, then five; then they are drained and leave, until one is alone again.</summary>
    Grow = 1,

    /// <summary>Nodes are drained, some of them taken back, decommissioned, and others join in their place.</summary>
    Drain = 2,

    /// <summary>Nodes are lost with their disks, or wrongly given up, and replaced.</summary>
    Replace = 3,

    /// <summary>Replicas and leaderships are moved about by an operator.</summary>
    Move = 4,

    /// <summary>All of that in an order that the seed draws.</summary>
    Mixed = 5,

    /// <summary>A node alone grows to nine, one by one; each step costs no more learners than it must.</summary>
    Nine = 6,
}
