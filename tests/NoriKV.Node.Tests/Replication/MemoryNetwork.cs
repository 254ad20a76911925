using NoriKV.Node.Ports;
using NoriKV.Types;

namespace NoriKV.Node.Tests.Replication;

/// <summary>Frames between nodes in one process; delivered when told, unless a rule drops them.</summary>
internal sealed class MemoryNetwork
{
    private readonly SortedDictionary<ulong, Port> _ports = [];
    private readonly Queue<(NodeNumber From, NodeNumber To, PeerChannel Channel, ReadOnlyMemory<byte> Frame)> _frames = new();

    /// <summary>True for frames that get lost.</summary>
    public Func<NodeNumber, NodeNumber, bool> Loses { get; set; } = static (_, _) => false;

    /// <summary>True for frames of a channel that get lost.</summary>
    public Func<NodeNumber, NodeNumber, PeerChannel, bool> LosesFrame { get; set; } = static (_, _, _) => false;

    /// <summary>True for frames that get lost for what is in them.</summary>
    public Func<ReadOnlyMemory<byte>, bool> LosesBytes { get; set; } = static _ => false;

    /// <summary>Looks at every frame that is sent.</summary>
    public Action<NodeNumber, NodeNumber, PeerChannel, ReadOnlyMemory<byte>>? Sent { get; set; }

    public int Waiting => _frames.Count;

    public ITransport Open(NodeNumber node) => _ports[node.Value] = new Port(this, node);

    public void Close(NodeNumber node) => _ports.Remove(node.Value);

    /// <summary>Nobody hears this node, and it hears nobody.</summary>
    public void Isolate(ulong node) => Loses = (from, to) => from.Value == node || to.Value == node;

    public void Heal() =>
        (Loses, LosesFrame, LosesBytes) = (static (_, _) => false, static (_, _, _) => false, static _ => false);

    /// <summary>Delivers what was sent so far; false when there was nothing.</summary>
    public bool Deliver()
    {
        int count = _frames.Count;
        for (int i = 0; i < count; i++)
        {
            var (from, to, channel, frame) = _frames.Dequeue();
            if (Loses(from, to) || LosesFrame(from, to, channel) || LosesBytes(frame)) continue;
            if (!_ports.TryGetValue(to.Value, out Port? port)) continue;
            port.Received?.Invoke(from, channel, frame);
        }

        return count > 0;
    }

    /// <summary>A frame as if a node had sent it.</summary>
    public void Inject(NodeNumber from, NodeNumber to, PeerChannel channel, byte[] frame) =>
        _frames.Enqueue((from, to, channel, frame));

    private sealed class Port(MemoryNetwork network, NodeNumber node) : ITransport
    {
        public Action<NodeNumber, PeerChannel, ReadOnlyMemory<byte>>? Received { get; set; }

        public bool TrySend(NodeNumber target, PeerChannel channel, ReadOnlyMemory<byte> frame)
        {
            network.Sent?.Invoke(node, target, channel, frame);
            network._frames.Enqueue((node, target, channel, frame));
            return true;
        }
    }
}
