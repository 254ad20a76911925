using Nori.Raft;
using NoriKV.Node.Peers;
using NoriKV.Node.Snapshots;
using NoriKV.Types;
using Raft = Nori.Raft.Core;

namespace NoriKV.Node.Replication;

/// <summary>What waits for a worker.</summary>
internal sealed class HostInbox
{
    public List<WriteRequest> Persisted { get; } = [];

    public List<PeerNote> Peers { get; } = [];

    public List<(RaftGroup Group, NodeNumber From, Raft.RaftMessage Message, RaftEntry[] Entries)> Messages { get; } = [];

    public List<HostCommand> Commands { get; } = [];

    public List<Proposal> Proposals { get; } = [];

    public List<ReadRequest> Reads { get; } = [];

    /// <summary>Reads that a round confirmed at an index that was not applied then.</summary>
    public List<(RaftGroup Group, ulong Index, List<ReadRequest> Reads)> Confirmed { get; } = [];

    /// <summary>Groups of which more was applied and somebody waits for that.</summary>
    public List<RaftGroup> Applied { get; } = [];

    public List<(RaftGroup Group, ReplicaId From, Term Term, StagedSnapshot Staged)> Snapshots { get; } = [];

    public List<(RaftGroup Group, ReplicaId To, LogIndex Index, bool IsDelivered)> SnapshotsSent { get; } = [];

    public List<(RaftGroup Group, StagedSnapshot Staged, uint DeadSlot)> Installed { get; } = [];

    /// <summary>Replicas whose data was replaced while their log stayed.</summary>
    public List<(RaftGroup Group, Raft.SnapshotMeta Meta, uint DeadSlot)> Rebuilt { get; } = [];

    public List<HostChange> Changes { get; } = [];

    /// <summary>Replicas that have a slot now, and may live.</summary>
    public List<HostChange> Founded { get; } = [];

    /// <summary>Replicas of which nothing is left.</summary>
    public List<HostChange> Retired { get; } = [];

    /// <summary>The log asks how far groups let go.</summary>
    public bool Release { get; set; }

    /// <summary>There is room again for what is to be applied.</summary>
    public bool Room { get; set; }

    /// <summary>Whether this node is well, where that changed.</summary>
    public NodeWellness? Wellness { get; set; }

    /// <summary>Bytes of entries in the messages.</summary>
    public long MessageBytes { get; set; }

    public int Count => Persisted.Count + Peers.Count + Messages.Count + Commands.Count + Proposals.Count + Reads.Count
        + Confirmed.Count + Applied.Count + Snapshots.Count + SnapshotsSent.Count + Installed.Count + Rebuilt.Count
        + Changes.Count + Founded.Count + Retired.Count;

    /// <summary>False once anything was put in; whoever puts it says so.</summary>
    public bool IsEmpty { get; set; } = true;

    public void Clear()
    {
        if (IsEmpty) return;
        IsEmpty = true;
        Persisted.Clear();
        Peers.Clear();
        Messages.Clear();
        Commands.Clear();
        Proposals.Clear();
        Reads.Clear();
        Confirmed.Clear();
        Applied.Clear();
        Snapshots.Clear();
        SnapshotsSent.Clear();
        Installed.Clear();
        Rebuilt.Clear();
        Changes.Clear();
        Founded.Clear();
        Retired.Clear();
        (Release, Room, Wellness, MessageBytes) = (false, false, null, 0);
    }
}
