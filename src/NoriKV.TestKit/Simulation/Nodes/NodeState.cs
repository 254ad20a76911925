namespace NoriKV.TestKit.Simulation.Nodes;

/// <summary>How a simulated machine stands.</summary>
internal enum NodeState
{
    /// <summary>No process runs.</summary>
    Down,

    /// <summary>The process runs.</summary>
    Up,

    /// <summary>The process stands still; what arrives waits.</summary>
    Paused,
}
