using NoriKV.Node.Ports;
using NoriKV.TestKit.Simulation.Nodes;
using NoriKV.Types;

namespace NoriKV.TestKit.Simulation.Network;

/// <summary>The peer transport of one boot of a node, over the simulated network.</summary>
internal sealed class SimTransport(SimWorld world, SimNode owner, IReadOnlyList<SimNode> nodes) : ITransport
{
    private readonly int _boot = owner.Boots;

    public Action<NodeNumber, PeerChannel, ReadOnlyMemory<byte>>? Received { get; set; }

    public bool TrySend(NodeNumber target, PeerChannel channel, ReadOnlyMemory<byte> frame)
    {
        world.AssertThread();
        // What a process does in the same step behind its crash reaches nobody.
        if (owner.Boots != _boot || owner.State == NodeState.Down) return false;
        if (Find(target) is not { } to) return false;
        world.Trace.Note(owner.Place, 10 + (int)channel, frame.Span);
        int deliveries = 0;
        NodeNumber from = owner.Number;
        owner.Depart(() => world.Network.Send(owner.Place, to.Place, (int)channel, reliable: false, () =>
        {
            // The receiver owns what it gets, and one that comes twice is two.
            ReadOnlyMemory<byte> bytes = deliveries++ == 0 ? frame : frame.ToArray();
            to.Arrive(() => to.Transport?.Received?.Invoke(from, channel, bytes));
        }));
        return true;
    }

    private SimNode? Find(NodeNumber number)
    {
        foreach (SimNode node in nodes)
        {
            if (node.Number == number) return node;
        }

        return null;
    }
}
