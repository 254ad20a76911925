using NoriKV.Node;
using NoriKV.Transport.Grpc;
using NoriKV.Types;

namespace NoriKV.Server;

/// <summary>Where the nodes of the cluster are: keeps the streams to them, and knows their stores.</summary>
/// <remarks>Thread-safe.</remarks>
internal sealed class PeerBook
{
    // Guards what follows.
    private readonly Lock _gate = new();
    private readonly Dictionary<NodeNumber, PlannedNode> _nodes = [];
    private PeerTransport? _peers;
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

    /// <summary>Opens the streams, as that node.</summary>
    public void Open(PeerIdentity self)
    {
        lock (_gate)
        {
            _peers!.Identify(self);
            (_self, _isOpen) = (self.Node, true);
            foreach (PlannedNode node in _nodes.Values) SetLocked(node.Number, node.Address);
        }
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
                SetLocked(node.Number, node.Address.Length > 0 ? node.Address : null);
            }
        }
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
