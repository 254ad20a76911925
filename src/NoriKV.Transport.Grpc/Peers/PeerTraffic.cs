using Nori.Observe;
using NoriKV.Types;

namespace NoriKV.Transport.Grpc;

/// <summary>What goes to and comes from each node, by its number: as many series as the cluster had nodes.</summary>
/// <remarks>Thread-safe.</remarks>
internal sealed class PeerTraffic(IMeter meter, Func<NodeNumber, bool> isConnected)
{
    private readonly Lock _gate = new();

    // Replaced with each node that is new, so that counting takes no lock.
    private Dictionary<NodeNumber, (Counter Sent, Counter Received)> _counters = [];

    public void NoteSent(NodeNumber peer, int bytes) => Of(peer).Sent.Add(bytes);

    public void NoteReceived(NodeNumber peer, int bytes) => Of(peer).Received.Add(bytes);

    private (Counter Sent, Counter Received) Of(NodeNumber peer) =>
        Volatile.Read(ref _counters).TryGetValue(peer, out (Counter, Counter) counters) ? counters : Add(peer);

    private (Counter Sent, Counter Received) Add(NodeNumber peer)
    {
        lock (_gate)
        {
            if (_counters.TryGetValue(peer, out (Counter, Counter) known)) return known;
            var label = new Label("peer_id", $"{peer.Value}");
            (Counter, Counter) added = (
                meter.Counter("peer_sent_bytes_total", "Bytes of frames handed to the stream to a node.", label),
                meter.Counter("peer_received_bytes_total", "Bytes of frames that came from a node.", label));
            meter.ObservableGauge(
                "peer_connected", "1 while the stream of Raft's frames to a node stands.", () => isConnected(peer) ? 1 : 0, label);
            Volatile.Write(ref _counters, new(_counters) { [peer] = added });
            return added;
        }
    }
}
