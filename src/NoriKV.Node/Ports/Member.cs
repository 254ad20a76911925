using NoriKV.Types;

namespace NoriKV.Node.Ports;

/// <summary>A node as membership sees it.</summary>
/// <param name="Number">Its number.</param>
/// <param name="Name">Its id outside.</param>
/// <param name="Address">Its dialable address, host:port; empty where not known yet.</param>
/// <param name="IsAlive">False when it is suspected dead.</param>
public sealed record Member(NodeNumber Number, string Name, string Address, bool IsAlive)
{
    /// <summary>True when it is held to be dead, and not only suspected.</summary>
    public bool HasFailed { get; init; }
}
