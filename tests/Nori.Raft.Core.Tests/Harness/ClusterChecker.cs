namespace Nori.Raft.Core.Tests.Harness;

/// <summary>What must hold whatever happens (Raft figure 3), watched over all replicas at once.</summary>
internal sealed class ClusterChecker(IReadOnlyList<SimNode> nodes) : ISimObserver
{
    private readonly Dictionary<Term, ReplicaId> _leaders = [];
    private readonly Dictionary<LogIndex, (Term Term, ulong State)> _committed = [];
    private readonly Dictionary<(ReplicaId, ulong), LogIndex> _reads = [];

    // The greatest index that any replica knew to be committed, hence may have acknowledged.
    public LogIndex Acknowledged { get; private set; }

    // The newest configuration that any replica has appended.
    private LogIndex _lastConfiguration;

    public int ReadsAnswered { get; private set; }

    public int LeaseReads { get; private set; }

    // Off where logs are damaged on purpose: then a copy that was counted may be gone.
    public bool CountsCopies { get; set; } = true;

    public void OnReadBegins(SimNode node, ulong context) => _reads[(node.Id, context)] = Acknowledged;

    public void OnReadRefused(SimNode node, ulong context) => _reads.Remove((node.Id, context));

    public void OnCrash(SimNode node)
    {
        foreach (var key in _reads.Keys.Where(k => k.Item1 == node.Id).ToArray()) _reads.Remove(key);
    }

    public void OnReady(SimNode node, Ready ready)
    {
        foreach (ReadState read in ready.ReadStates)
        {
            Assert.True(_reads.Remove((node.Id, read.Context), out LogIndex least), "a read state that nobody asked for");
            if (read.IsAborted) continue;
            ReadsAnswered++;
            Assert.True(read.Index >= least, $"stale read: {read.Index} when {least} was acknowledged");
        }

        foreach (RaftEvent e in ready.Events)
        {
            if (e.Kind == RaftEventKind.BecameLeader) OnLeader(node, e.Term);
            if (e.Kind == RaftEventKind.ConfigurationAppended) _lastConfiguration = LogIndex.Max(_lastConfiguration, e.Index);
        }
    }

    public void OnApplied(SimNode node, SimEntry entry, ulong state, bool isSnapshot)
    {
        if (_committed.TryGetValue(entry.Index, out var known))
        {
            Assert.True(
                known == (entry.Term, state),
                $"replica {node.Id} applied another entry at {entry.Index}: term {entry.Term}, not {known.Term}");
            return;
        }

        Assert.False(isSnapshot, "a snapshot of what nobody committed");
        _committed[entry.Index] = (entry.Term, state);
        Acknowledged = LogIndex.Max(Acknowledged, entry.Index);
        if (CountsCopies) CheckCopies(node.Core!, entry);
    }

    // "Acknowledged" means that a majority holds it durably, of both halves of a joint configuration.
    private void CheckCopies(RaftCore core, SimEntry entry)
    {
        Configuration configuration = core.Configuration;
        bool Held(ReplicaId id) => nodes.Any(n => n.Id == id && n.Disk.Holds(entry.Index, entry.Term));
        bool Majority(IReadOnlyList<ReplicaId> voters) => voters.Count == 0 || voters.Count(Held) > voters.Count / 2;
        bool incoming = Majority(configuration.Voters), outgoing = Majority(configuration.Outgoing);
        // A configuration appended since the entry was counted is not the one that counted it; one half is
        // the same.
        bool isNewer = core.ConfigurationIndex > entry.Index;
        // The leader counts by the new one as soon as it has appended it, which this replica may not have heard of yet (seed 2934).
        bool isLeft = _lastConfiguration > core.ConfigurationIndex;
        Assert.True(
            isNewer ? incoming || outgoing : incoming && (outgoing || isLeft),
            $"{entry.Index} was acknowledged without a durable majority of {configuration}");
    }

    private void OnLeader(SimNode node, Term term)
    {
        Assert.True(
            _leaders.TryAdd(term, node.Id) || _leaders[term] == node.Id, $"two leaders in term {term}");
        foreach ((LogIndex index, (Term entryTerm, _)) in _committed)
        {
            if (entryTerm >= term || index <= node.LogBase) continue;
            Assert.True(
                node.EntryAt(index)?.Term == entryTerm,
                $"the leader {node.Id} of term {term} lacks the committed entry {index} of term {entryTerm}");
        }
    }

    /// <summary>A replica that believes in its lease knows everything that was acknowledged.</summary>
    public void CheckLease(SimNode node, long now)
    {
        if (node.Core is not { Role: RaftRole.Leader } core || !core.TryBeginLeaseRead(now, out LeaseRead read)) return;
        if (!core.ConfirmLeaseRead(read, now)) return;
        LeaseReads++;
        Assert.True(
            read.Index >= Acknowledged, $"stale lease read on {node.Id}: {read.Index} when {Acknowledged} was acknowledged");
    }

    /// <summary>
    /// "If two logs contain an entry with the same index and term, then the logs are identical" up to there.
    /// </summary>
    public void CheckLogs()
    {
        for (int a = 0; a < nodes.Count; a++)
            for (int b = a + 1; b < nodes.Count; b++)
                if (nodes[a].IsUp && nodes[b].IsUp) CheckPair(nodes[a], nodes[b]);
    }

    private static void CheckPair(SimNode a, SimNode b)
    {
        LogIndex i = LogIndex.Min(a.Core!.LastIndex, b.Core!.LastIndex);
        LogIndex low = LogIndex.Max(a.LogBase, b.LogBase);
        bool mustMatch = false;
        for (; i > low; i = i.Previous)
        {
            if (a.EntryAt(i) is not { } x || b.EntryAt(i) is not { } y) continue;
            if (x.Term == y.Term) mustMatch = true;
            if (mustMatch)
                Assert.True(x.Term == y.Term && x.Payload == y.Payload, $"logs {a.Id} and {b.Id} differ at {i} below a match");
        }
    }
}
