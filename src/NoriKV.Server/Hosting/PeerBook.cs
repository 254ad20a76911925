using NoriKV.Node;
using NoriKV.Node.Meta;
using NoriKV.Node.Ports;
using NoriKV.Transport.Grpc;
using NoriKV.Types;

namespace NoriKV.Server;

/// <summary>Where the nodes of the cluster are: keeps the streams to them, and knows their stores.</summary>
/// <remarks>
/// Thread-safe. The registry says where a node was when a quorum last heard of it; a member of SWIM says where it is, needs no
/// quorum for it, and so is dialed there: else nodes that had all moved at once would never find each other again. Who answers there
/// has to be that node of that cluster (the hello of each stream), so a wrong hint costs an attempt and nothing else.
/// </remarks>
internal sealed class PeerBook
{
    // Guards what follows.
    private readonly Lock _gate = new();
    private readonly Dictionary<NodeNumber, PlannedNode> _nodes = [];
    private IReadOnlyList<Member> _members = [];
    private PeerTransport? _peers;
    private ClusterMap _map = ClusterMap.Empty;
    private NodeNumber _self;
    private bool _isOpen;

    /// <summary>The streams it keeps; before the first update.</summary>
    public void Keep(PeerTransport peers) => _peers = peers;

    /// <summary>Whether a node may come from that store: unknown nodes may, known ones only from their own.</summary>
    public bool IsStoreOf(NodeNumber node, Guid store)
    {
        lock (_gate)
            return !_nodes.TryGetValue(node, out PlannedNode? known) || known.StoreUuid == Guid.Empty || known.StoreUuid == store;
    }

    /// <summary>What the registry says of a node that is no member any more, and of its store; null of all others.</summary>
    public Dismissal? DismissalOf(NodeNumber node, Guid store)
    {
        lock (_gate) return Dismissal.Of(_map, node, store);
    }

    /// <summary>Opens the streams, as that node.</summary>
    public void Open(PeerIdentity self)
    {
        lock (_gate)
        {
            _peers!.Identify(self);
            (_self, _isOpen) = (self.Node, true);
            foreach (PlannedNode node in _nodes.Values) SetLocked(node.Number, AddressOf(node, _members));
        }
    }

    /// <summary>What the registry says. Those that are no members any more are cut off: when they call again they are told.</summary>
    public void Update(ClusterMap map)
    {
        lock (_gate) _map = map;
        Update([.. map.Members]);
        foreach (RegisteredNode gone in map.Nodes.Where(static n => !n.IsMember)) _peers!.EndFrom(gone.Number);
    }

    /// <summary>All nodes there are.</summary>
    public void Update(IReadOnlyList<PlannedNode> nodes)
    {
        lock (_gate)
        {
            foreach (NodeNumber gone in _nodes.Keys.Except(nodes.Select(static n => n.Number)).ToArray())
            {
                _nodes.Remove(gone);
                SetLocked(gone, null);
            }

            foreach (PlannedNode node in nodes)
            {
                _nodes[node.Number] = node;
                SetLocked(node.Number, AddressOf(node, _members));
            }
        }
    }

    /// <summary>Who is there, as SWIM sees it.</summary>
    public void Hear(IReadOnlyList<Member> members)
    {
        lock (_gate)
        {
            _members = members;
            foreach (PlannedNode node in _nodes.Values) SetLocked(node.Number, AddressOf(node, _members));
        }
    }

    /// <summary>Where to dial a node; null where nobody knows.</summary>
    /// <remarks>
    /// A suspected member is where it was heard last: its streams stay until it has failed. Only then the registry may know better.
    /// </remarks>
    internal static string? AddressOf(PlannedNode node, IReadOnlyList<Member> members)
    {
        Member? member = members.FirstOrDefault(
            m => !m.HasFailed && m.Address.Length > 0 && m.Number == node.Number && m.Name == node.Name);
        string address = member?.Address ?? node.Address;
        return address.Length > 0 ? address : null;
    }

    // What it does to the table of streams is done when it returns; only the end of old ones is left to itself.
    private void SetLocked(NodeNumber node, string? address)
    {
        if (!_isOpen || node == _self) return;
        _ = EndAsync(_peers!.SetPeerAsync(node, address));
    }

    private static async Task EndAsync(ValueTask ending)
    {
        try
        {
            await ending.ConfigureAwait(false);
        }
        catch (ObjectDisposedException)
        {
            // The server stops.
        }
    }
}
