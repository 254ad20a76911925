using Nori.Raft;
using NoriKV.Node.Entries;
using NoriKV.Node.Log;
using NoriKV.Node.Machine;
using NoriKV.Node.Meta;
using NoriKV.Node.Snapshots;
using NoriKV.Types;
using Raft = Nori.Raft.Core;

namespace NoriKV.Node.Replication;

/// <summary>
/// One replica of one shard: its core, the bytes that the core does not hold, and who waits for what. All of it belongs to one
/// worker; what others may look at is in <see cref="Published"/>.
/// </summary>
internal sealed class RaftGroup : IEntrySource
{
    private readonly SharedLog _log;
    private readonly Dictionary<ulong, NodeNumber> _nodes = [];

    public RaftGroup(GroupStart start, Raft.RaftOptions options, SharedLog log)
    {
        Shard = start.Shard;
        Replica = start.Replica;
        _log = log;
        Core = new Raft.RaftCore(options, start.State);
        LastStamp = start.LastStamp;
        NextToApply = start.State.Applied.Value + 1;
        ToApplyLast = start.State.Applied.Value;
        StoredTerm = start.State.HardState.Term.Value;
        StoredVote = start.State.HardState.Vote.Value;
        StoredCommit = start.State.HardState.Commit.Value;
        IsLossNoted = start.State.IsDamaged;
        Learn(start.Members);
    }

    public ShardId Shard { get; }

    public ReplicaId Replica { get; }

    public Raft.RaftCore Core { get; }

    public EntryTail Tail { get; } = new();

    public StagedEntries Staged { get; } = new();

    public ProposalBook Book { get; } = new();

    /// <summary>Proposals that wait until there is a leader.</summary>
    public List<Proposal> Parked { get; } = [];

    public GroupReads Reads { get; } = new();

    /// <summary>Transfers under way.</summary>
    public List<(NodeNumber Target, HostCommand Command)> Transfers { get; } = [];

    /// <summary>What other threads may look at.</summary>
    public GroupStatus Published { get; } = new();

    /// <summary>The highest stamp of its entries, so that stamps of a shard never fall.</summary>
    public long LastStamp { get; set; }

    /// <summary>The next entry to hand on for applying, and the last one that may be.</summary>
    public ulong NextToApply { get; set; }

    public ulong ToApplyLast { get; set; }

    /// <summary>What the log holds, or will, of the hard state.</summary>
    public ulong StoredTerm { get; set; }

    public ulong StoredVote { get; set; }

    public ulong StoredCommit { get; set; }

    /// <summary>Readies on their way through the log.</summary>
    public int InFlight { get; set; }

    /// <summary>The number of the last Ready taken.</summary>
    public ulong LastTaken { get; set; }

    /// <summary>The term whose first entry this leader has made.</summary>
    public ulong LedTerm { get; set; }

    public bool WasLeader { get; set; }

    /// <summary>When a leader on a node that is not well last looked for a successor.</summary>
    public long HandedOverAt { get; set; }

    /// <summary>Ticks for which it has known no leader.</summary>
    public int LeaderlessTicks { get; set; }

    /// <summary>The log says, or will, that the replica lacks what it confirmed.</summary>
    public bool IsLossNoted { get; set; }

    /// <summary>When there was something to do; a group is put to sleep some seconds later.</summary>
    public long ActiveAt { get; set; }

    /// <summary>When a leader on a node that is not well gives up although nobody took over; 0 never.</summary>
    public long ResignAt { get; set; }

    /// <summary>It was taken out of its worker: whatever still arrives for it is dropped.</summary>
    public bool IsGone { get; set; }

    // In which of the worker's lists it is.
    public bool IsDirty { get; set; }

    public bool IsTicking { get; set; }

    public bool IsStarved { get; set; }

    public bool IsFeeding { get; set; }

    public bool IsReading { get; set; }

    /// <summary>A snapshot that arrived, until the core has decided about it.</summary>
    public StagedSnapshot? Arrived { get; set; }

    /// <summary>The Ready whose snapshot is being made the shard's data; nothing else is taken meanwhile.</summary>
    public Raft.Ready? Installing { get; set; }

    /// <summary>
    /// What its tables hold cannot be read: its log is whole, so it votes and confirms, but it neither leads nor applies until a
    /// snapshot took their place.
    /// </summary>
    public bool IsSetApart { get; set; }

    /// <summary>Who wants to look at the state behind the first time entry from an index on.</summary>
    public (ulong From, Action<LogIndex> Then)? TimeWatch { get; set; }

    /// <summary>The last time entry that was handed on for applying.</summary>
    public ulong LastTimeFed { get; set; }

    /// <summary>A snapshot that is taking the place of what cannot be read; nothing is handed on for applying meanwhile.</summary>
    public StagedSnapshot? Rebuilding { get; set; }

    /// <summary>The node keeps too much: lets go of what only slow peers want.</summary>
    public bool IsOverBudget { get; set; }

    /// <summary>
    /// Others take part, or may: while the configuration that makes this one the only member is not committed, the leader before it
    /// may lead on, and nobody leads by himself.
    /// </summary>
    public bool HasPeers => Core.Configuration.Members.Count > 1 || !Core.Configuration.Contains(Core.Replica)
        || Core.ConfigurationIndex > Core.Commit;

    /// <summary>The only voter of a committed configuration, with its term begun.</summary>
    public bool IsLoneLeader => Core.Role == Raft.RaftRole.Leader && Core.Configuration.IsOnlyVoter(Core.Replica)
        && Core.ConfigurationIndex <= Core.Commit && Core.Commit >= Core.TermStart;

    /// <summary>
    /// A lone voter that cannot write its next term, for want of space: what it holds durably is all that was ever acknowledged,
    /// so a state applied through this index may be read. Null where that is not so.
    /// </summary>
    public ulong? ReadableAloneFrom { get; private set; }

    /// <summary>Before the first step of the loops: lets what a lone voter holds be read although it does not lead.</summary>
    public void ReadAlone()
    {
        bool isAlone = !HasPeers && !Core.IsDamaged && Core.Configuration.IsOnlyVoter(Core.Replica);
        if (!isAlone || IsLoneLeader) return;
        // Not the no-op of the term to come, which may wait for space as well.
        ReadableAloneFrom = Core.DurableIndex.Value;
        Published.Update(this);
    }

    /// <summary>It leads, or is not alone any more: from here on reads are a leader's.</summary>
    public void EndReadAlone() => ReadableAloneFrom = null;

    /// <summary>The node of a replica; none where it is not known.</summary>
    public NodeNumber NodeOf(ReplicaId replica) => _nodes.GetValueOrDefault(replica.Value);

    /// <summary>The replica on a node among the members; none.</summary>
    public Raft.ReplicaId ReplicaOn(NodeNumber node)
    {
        foreach (Raft.ReplicaId member in Core.Configuration.Members)
        {
            if (NodeOf(new ReplicaId(member.Value)) == node) return member;
        }

        return Raft.ReplicaId.None;
    }

    /// <summary>Takes over where a replica lives of which nothing was known: a leader's that this one hears of first by it.</summary>
    public void Learn(ReplicaId replica, NodeNumber node) => _nodes.TryAdd(replica.Value, node);

    /// <summary>Takes over where replicas live.</summary>
    public void Learn(IEnumerable<ConfigurationMember> members)
    {
        foreach (ConfigurationMember member in members) _nodes[member.Replica.Value] = member.Node;
    }

    /// <summary>How its membership stands.</summary>
    public GroupReport Report() => new(
        Shard, new Term(Core.Term.Value), Core.Role == Raft.RaftRole.Leader, NodeOf(new ReplicaId(Core.Leader.Value)),
        new LogIndex(Core.ConfigurationIndex.Value),
        !Core.Configuration.IsJoint && Core.ConfigurationIndex <= Core.Commit && Core.Commit >= Core.TermStart,
        ShardConfiguration.FromRaft(Core.Configuration, NodeOf));

    /// <summary>The entry of a configuration that the core made itself.</summary>
    public byte[] EncodeConfiguration(Raft.Configuration configuration) =>
        EntryWriter.EncodeConfiguration(ShardConfiguration.FromRaft(configuration, NodeOf));

    /// <summary>An entry from the tail, or from the log; false when neither has it with that term.</summary>
    public bool TryGetEntry(ulong index, ulong term, out ReadOnlyMemory<byte> envelope)
    {
        if (Tail.TryGet(index, out EntryTail.Item item))
        {
            envelope = item.Envelope;
            return item.Term == term;
        }

        bool found = _log.TryReadEntry(Shard, new LogIndex(index), out LogEntry read);
        envelope = read.Envelope;
        return found && read.Term.Value == term;
    }

    /// <summary>Reads an entry that was written from the log.</summary>
    public bool TryReadLog(ulong index, out LogEntry entry) => _log.TryReadEntry(Shard, new LogIndex(index), out entry);

    /// <summary>The first entry of those that take no more than so many bytes in the log, if it holds more; else 0.</summary>
    public LogIndex RetainedFrom(long bytes) => _log.RetainedFrom(Shard, bytes);

    RaftEntry IEntrySource.GetEntry(Raft.LogIndex index, Raft.Term term) =>
        TryGetEntry(index.Value, term.Value, out ReadOnlyMemory<byte> envelope)
            // The envelope says what it is, also to the receiver: the type of the library's own driver is not used.
            ? new RaftEntry(index, term, EntryType.Normal, envelope)
            : throw new InvalidOperationException($"shard {Shard} has no entry {index} of term {term}");
}
