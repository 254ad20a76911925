using NoriKV.Types;
using Raft = Nori.Raft.Core;

namespace NoriKV.Node.Replication;

/// <summary>What waits here, and how far peers are behind, for whoever looks from another thread.</summary>
internal sealed partial class RaftWorker
{
    private static readonly TimeSpan LagPeriod = TimeSpan.FromSeconds(1);
    private (NodeNumber Node, long Entries)[] _lag = [];
    private long _laggedAt;

    /// <summary>Items in the inbox.</summary>
    public int Queued
    {
        get
        {
            lock (_lock) return _inbox.Count;
        }
    }

    /// <summary>Entries that a peer is known to lack, over the groups led here; a second old at most while any of them is awake.</summary>
    public long LagOf(NodeNumber node)
    {
        foreach ((NodeNumber peer, long entries) in Volatile.Read(ref _lag))
        {
            if (peer == node) return entries;
        }

        return 0;
    }

    // A group that sleeps has not moved since it was last looked at: it does not sleep before it had no work for seconds.
    private void NoteLag(long now)
    {
        if (Since(_laggedAt, now) < LagPeriod) return;
        _laggedAt = now;
        var lag = new SortedDictionary<NodeNumber, long>();
        foreach (RaftGroup group in _owned)
        {
            if (group.Core.Role != Raft.RaftRole.Leader || !group.HasPeers) continue;
            ulong last = group.Core.LastIndex.Value;
            foreach (Raft.Progress peer in group.Core.Peers)
            {
                NodeNumber node = group.NodeOf(new ReplicaId(peer.Id.Value));
                lag[node] = lag.GetValueOrDefault(node) + (long)(last - Math.Min(last, HeldBy(peer)));
            }
        }

        Volatile.Write(ref _lag, [.. lag.Select(static l => (l.Key, l.Value))]);
    }

    // A leader begins by knowing nothing of its peers, and of one that does not answer it learns nothing: that it confirmed nothing in
    // this term does not mean that it lacks the whole log. It is believed to hold what is behind it until it refuses an entry.
    private static ulong HeldBy(Raft.Progress peer) =>
        peer.State == Raft.ProgressState.Replicate ? peer.Match.Value : peer.Next.Previous.Value;
}
