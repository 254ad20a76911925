using NoriKV.Node.Peers;
using NoriKV.Node.Ports;
using NoriKV.Types;

namespace NoriKV.Node.Meta;

/// <summary>
/// The leader's side of the registry, on whatever node leads the meta group: hears nodes, knows who leads what, and issues
/// views. What it knows dies with its term; its successor hears it all anew within a heartbeat.
/// </summary>
/// <remarks>Thread-safe: the lock guards everything below it. Nothing is sent and nothing awaited inside.</remarks>
internal sealed class MetaLeader
{
    /// <summary>Epochs reserved in the registry at a time.</summary>
    private const ulong EpochsReserved = 1000;

    private static readonly TimeSpan ViewPeriod = TimeSpan.FromMilliseconds(100);

    /// <summary>
    /// How long a new leader waits to hear who leads each shard: a view without leaders is worse than the last one of its
    /// predecessor. Two heartbeats.
    /// </summary>
    private static readonly TimeSpan FirstViewWait = TimeSpan.FromSeconds(2);

    private readonly MetaContext _context;
    private readonly Lock _lock = new();
    private readonly SortedDictionary<ulong, NodeBeat> _beats = [];
    private readonly LeaderReport[] _leaders;
    private Term _term;
    private long _since;
    private ulong _nextEpoch;
    private ulong _epochLimit;

    // Above what a node shows that was alone once, restarted before it had written down who else there is, and numbers its views itself.
    private ulong _epochFloor;
    private IssuedView _view = IssuedView.None;
    private MetaState _viewedState = MetaState.Empty;
    private long _viewedAt;
    private int _issuing;

    public MetaLeader(MetaContext context)
    {
        _context = context;
        _leaders = new LeaderReport[context.MetaShard.Value];
        context.Calls.Handle(PeerMethod.Heartbeat, request => ValueTask.FromResult(
            RegistryHeartbeat.TryDecode(request.Body.Span) is { } heartbeat
                ? PeerReply.Ok(Hear(request.From, heartbeat).Encode())
                : PeerReply.Refuse("a registry heartbeat of an unknown format")));
    }

    /// <summary>The newest view that this leader issued.</summary>
    public ulong ViewEpoch
    {
        get
        {
            lock (_lock) return _view.Epoch;
        }
    }

    /// <summary>True while this node leads the meta group, as far as it knows; begins anew with each term.</summary>
    public bool IsLeading()
    {
        ReplicaStatus status = _context.MetaStatus;
        if (!status.IsLeader) return false;
        lock (_lock)
        {
            if (_term == status.Term) return true;
            _term = status.Term;
            _since = _context.Now;
            _beats.Clear();
            Array.Clear(_leaders);
            // What an earlier leader reserved is its own: this one reserves anew, above.
            (_nextEpoch, _epochLimit) = (0, 0);
            _view = IssuedView.None;
            _viewedState = MetaState.Empty;
            return true;
        }
    }

    /// <summary>How long a node was silent towards this leader.</summary>
    public TimeSpan SilenceOf(NodeNumber node)
    {
        lock (_lock) return _context.Since(_beats.TryGetValue(node.Value, out NodeBeat? beat) ? beat.HeardAt : _since);
    }

    /// <summary>
    /// A node is about to be registered: it has been silent since now, and not since this leader began. A wish that was meant for the
    /// lost machine of its name and comes late finds it there.
    /// </summary>
    public void NoteJoining(NodeNumber node)
    {
        lock (_lock)
        {
            NodeBeat beat = BeatOf(node);
            if (!beat.IsHeard) beat.HeardAt = _context.Now;
        }
    }

    /// <summary>True when the node was heard lately.</summary>
    public bool IsLive(NodeNumber node)
    {
        lock (_lock)
        {
            return _beats.TryGetValue(node.Value, out NodeBeat? beat) && beat.IsHeard
                && _context.Since(beat.HeardAt) < _context.Placement.SilentAfter;
        }
    }

    /// <summary>
    /// True when this leader can tell those who are silent from those whom it has not heard yet: all members were heard, or it has
    /// led for as long as makes one silent.
    /// </summary>
    public bool KnowsWhoIsThere(MetaState state)
    {
        lock (_lock)
        {
            return _context.Since(_since) >= _context.Placement.SilentAfter
                || state.Members.All(n => _beats.TryGetValue(n.Number.Value, out NodeBeat? beat) && beat.IsHeard);
        }
    }

    /// <summary>Who leads a shard, as reported; the meta group is led here.</summary>
    public LeaderReport LeaderOf(ShardId shard)
    {
        lock (_lock)
        {
            return shard == _context.MetaShard
                ? new LeaderReport(shard, _term, _context.Self)
                : _leaders[shard.Value];
        }
    }

    /// <summary>What nodes say of themselves and the registry has otherwise.</summary>
    public IReadOnlyList<RegisteredNode> Corrected(MetaState state)
    {
        var corrected = new List<RegisteredNode>();
        lock (_lock)
        {
            foreach (NodeBeat beat in _beats.Values)
            {
                if (!beat.IsHeard || state.Find(beat.Node) is not { IsMember: true } known) continue;
                RegisteredNode said = known with
                {
                    StoreUuid = beat.StoreUuid,
                    Address = beat.Address.Length > 0 ? beat.Address : known.Address,
                    Zone = beat.Zone,
                };
                if (said != known) corrected.Add(said);
            }
        }

        return corrected;
    }

    public RegistryNews Hear(NodeNumber from, RegistryHeartbeat heartbeat)
    {
        if (!IsLeading())
        {
            ReplicaStatus status = _context.MetaStatus;
            return new RegistryNews { IsLeader = false, Term = status.Term, Leader = status.Leader };
        }

        MetaState state = _context.Store.Read();
        // A stranger, or a store that was replaced: it is told what the cluster is and counts for nothing.
        bool isKnown = state.Find(from) is { IsMember: true } known
            && (known.StoreUuid == Guid.Empty || known.StoreUuid == heartbeat.StoreUuid);
        lock (_lock)
        {
            NodeBeat beat = BeatOf(from);
            bool wantsFull = false;
            if (isKnown)
            {
                beat.HeardAt = _context.Now;
                beat.IsHeard = true;
                (beat.StoreUuid, beat.Address, beat.Zone) = (heartbeat.StoreUuid, heartbeat.Address, heartbeat.Zone);
                (beat.Revision, beat.Epoch) = (heartbeat.Revision, heartbeat.Epoch);
                _epochFloor = Math.Max(_epochFloor, heartbeat.Epoch);
                wantsFull = !heartbeat.IsFull && !beat.HasReported;
                beat.HasReported |= heartbeat.IsFull;
                foreach (LeaderReport report in heartbeat.Reports) Merge(report);
            }

            return NewsFor(state, heartbeat.Revision, heartbeat.Epoch) with { WantsFull = wantsFull };
        }
    }

    /// <summary>
    /// Issues a view when leaders, nodes or replicas changed, at most one in 100 ms, with an epoch of those that the registry
    /// reserves for this leader. False when nothing was due.
    /// </summary>
    public bool IssueIfDue()
    {
        if (!IsLeading() || Volatile.Read(ref _issuing) != 0) return false;
        MetaState state = _context.Store.Read();
        if (state.Settings is null) return false;
        lock (_lock)
        {
            if (_viewedAt != 0 && _context.Since(_viewedAt) < ViewPeriod) return false;
            if (!IsNews(state)) return false;
            bool knowsAll = !Array.Exists(_leaders, static l => l.Leader.Value == 0);
            if (_view.Epoch == 0 && !knowsAll && _context.Since(_since) < FirstViewWait) return false;
        }

        Volatile.Write(ref _issuing, 1);
        _ = _context.Run(() => IssueAsync(state));
        return true;
    }

    private async Task IssueAsync(MetaState state)
    {
        try
        {
            if (!await ReserveAsync(state).ConfigureAwait(false)) return;
            if (!IsLeading()) return;
            state = _context.Store.Read();
            IssuedView view;
            var mail = new List<(NodeNumber Node, byte[] News)>();
            lock (_lock)
            {
                if (_nextEpoch >= _epochLimit) return;
                // A node alone numbers some of its views itself, in between.
                _nextEpoch = Math.Max(_nextEpoch, Math.Max(_context.Views.Current.Epoch, _epochFloor) + 1);
                if (_nextEpoch >= _epochLimit) return;
                _viewedAt = _context.Now;
                _viewedState = state;
                _view = view = new IssuedView(_nextEpoch++, state.Revision, Silent(state), Leaders());
                foreach (NodeBeat beat in _beats.Values)
                {
                    if (!beat.IsHeard || _context.Since(beat.HeardAt) >= _context.Placement.SilentAfter) continue;
                    mail.Add((beat.Node, NewsFor(state, beat.Revision, beat.Epoch).Encode()));
                    (beat.Revision, beat.Epoch) = (state.Revision, view.Epoch);
                }
            }

            foreach ((NodeNumber node, byte[] news) in mail)
            {
                _context.Calls.Tell(node, PeerChannel.Control, PeerMethod.News, news);
            }
        }
        finally
        {
            Volatile.Write(ref _issuing, 0);
        }
    }

    /// <summary>Epochs, a thousand at a time, above all that any leader before may have given and above this node's own.</summary>
    private async ValueTask<bool> ReserveAsync(MetaState state)
    {
        Term term;
        ulong floor;
        lock (_lock)
        {
            if (_nextEpoch < _epochLimit && _epochFloor + 1 < _epochLimit) return true;
            (term, floor) = (_term, _epochFloor);
        }

        ulong first = Math.Max(state.Counters.ViewEpochs, Math.Max(_context.Views.Current.Epoch, floor) + 1);
        MetaCounters counters = state.Counters with { ViewEpochs = first + EpochsReserved };
        var change = new MetaChange(MetaRecords.CountersKey, MetaRecords.Encode(counters), state.CountersVersion);
        if (await _context.Store.WriteAsync([change]).ConfigureAwait(false) != MetaWrite.Done) return false;
        lock (_lock)
        {
            if (term != _term) return false;
            (_nextEpoch, _epochLimit) = (first, first + EpochsReserved);
        }

        return true;
    }

    private NodeBeat BeatOf(NodeNumber node)
    {
        if (_beats.TryGetValue(node.Value, out NodeBeat? beat)) return beat;
        beat = new NodeBeat(node) { HeardAt = _since };
        _beats.Add(node.Value, beat);
        return beat;
    }

    // The higher term wins; within one there is one leader, and some have not heard of it yet.
    private void Merge(in LeaderReport report)
    {
        if (report.Shard.Value >= (uint)_leaders.Length) return;
        ref LeaderReport known = ref _leaders[report.Shard.Value];
        if (report.Term.CompareTo(known.Term) > 0 || (report.Term == known.Term && known.Leader.Value == 0)) known = report;
    }

    private bool IsNews(MetaState state) => _view.Epoch == 0 || _view.Epoch < _epochFloor
        || !ReferenceEquals(state, _viewedState)
            && (!state.Nodes.SequenceEqual(_viewedState.Nodes) || !state.Shards.SequenceEqual(_viewedState.Shards))
        || !_view.Leaders.SequenceEqual(_leaders.Select(static l => l.Leader))
        || !_view.Silent.SequenceEqual(Silent(state));

    private NodeNumber[] Leaders() => Array.ConvertAll(_leaders, static l => l.Leader);

    private NodeNumber[] Silent(MetaState state) =>
        [.. state.Members.Where(n => SilenceLocked(n.Number) >= _context.Placement.SilentAfter).Select(static n => n.Number)];

    private TimeSpan SilenceLocked(NodeNumber node) =>
        _context.Since(_beats.TryGetValue(node.Value, out NodeBeat? beat) ? beat.HeardAt : _since);

    private RegistryNews NewsFor(MetaState state, ulong revision, ulong epoch) => new()
    {
        IsLeader = true,
        Term = _term,
        Leader = _context.Self,
        Map = state.Settings is null || state.Revision <= revision
            ? default
            : (ReadOnlyMemory<byte>)ClusterMapUpdate.Encode(state, revision),
        View = _view.Epoch <= epoch ? default : (ReadOnlyMemory<byte>)_view.Encode(),
    };
}
