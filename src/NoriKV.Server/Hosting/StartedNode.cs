using NoriKV.Node;
using NoriKV.Node.Ports;

namespace NoriKV.Server;

/// <summary>A node that runs.</summary>
/// <param name="Node">The node.</param>
/// <param name="SetAdvertiseAddress">Tells it the address others dial, once the port is bound.</param>
/// <param name="Warnings">What is worth printing at its start.</param>
public sealed record StartedNode(
    INoriNode Node, Action<string> SetAdvertiseAddress, IReadOnlyList<string> Warnings)
{
    /// <summary>Tells it who else is there, where it shows that. Default: nobody is told.</summary>
    public Action<IReadOnlyList<Member>> SetMembers { get; init; } = static _ => { };
}
