using NoriKV.Node;
using NoriKV.Node.Live;
using NoriKV.Node.Meta;
using NoriKV.Node.Ports;
using NoriKV.Transport.Grpc;

namespace NoriKV.Server;

/// <summary>A node that runs.</summary>
/// <param name="Node">The node.</param>
/// <param name="SetAdvertiseAddress">Tells it the address others dial.</param>
/// <param name="Warnings">What is worth printing at its start.</param>
public sealed record StartedNode(
    INoriNode Node, Action<string> SetAdvertiseAddress, IReadOnlyList<string> Warnings)
{
    /// <summary>Tells it who else is there, where it shows that. Default: nobody is told.</summary>
    public Action<IReadOnlyList<Member>> SetMembers { get; init; } = static _ => { };

    /// <summary>Tells it that a peer says that it is no member any more. Default: nobody is told.</summary>
    public Action<Dismissal> NoteDismissed { get; init; } = static _ => { };

    /// <summary>Who it is towards its peers; null for one that has none.</summary>
    public PeerIdentity? Identity { get; init; }

    /// <summary>What it shows to those who watch; null for one that shows nothing.</summary>
    public ILiveNode? Live { get; init; }

    /// <summary>Takes another node into its cluster; null where it cannot.</summary>
    public Func<JoinRequest, RequestContext, ValueTask<JoinReply>>? Join { get; init; }
}
