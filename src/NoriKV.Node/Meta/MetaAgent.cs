using NoriKV.Node.Peers;
using NoriKV.Node.Ports;
using NoriKV.Node.Replication;
using NoriKV.Types;

namespace NoriKV.Node.Meta;

/// <summary>
/// A node's side of the registry: tells the meta leader that it is there and who leads what, takes over maps and views, and
/// brings its own replicas to where the map wants them.
/// </summary>
/// <remarks>Stepped; one heartbeat at a time. The lock guards what was reported.</remarks>
internal sealed class MetaAgent
{
    /// <summary>Changes of leaders within so long travel together.</summary>
    private static readonly TimeSpan Coalesce = TimeSpan.FromMilliseconds(100);

    private readonly MetaContext _context;
    private readonly ReplicaKeeper _keeper;
    private readonly RegistryFile _file;
    private readonly Lock _lock = new();
    private readonly (ulong Term, ulong Leader)[] _reported;
    private (NodeNumber Node, Term Term) _reportedTo;
    private NodeNumber _hint;
    private int _turn;
    private long _heartbeatAt;
    private long _heardAt;
    private int _asking;
    private int _changed = 1;

    public MetaAgent(MetaContext context, ulong savedRevision)
    {
        _context = context;
        _keeper = new ReplicaKeeper(context);
        _file = new RegistryFile(context, savedRevision);
        _reported = new (ulong, ulong)[context.MetaShard.Value];
        _heartbeatAt = context.Now;
        context.Calls.Handle(PeerMethod.News, request =>
        {
            if (RegistryNews.TryDecode(request.Body.Span) is { } news) Take(news);
            return ValueTask.FromResult(PeerReply.Ok(default));
        });
        context.Calls.Handle(PeerMethod.Gone, _ =>
        {
            NoteChanged();
            return ValueTask.FromResult(PeerReply.Ok(default));
        });
        context.Host.OnGone = (node, _, _, _) => context.Calls.Tell(node, PeerChannel.Control, PeerMethod.Gone, default);
    }

    /// <summary>Milliseconds until a step has something to do although nothing happened.</summary>
    public int? RetryInMs => 50;

    /// <summary>A leadership changed, or a map came: a heartbeat is due soon.</summary>
    public void NoteChanged()
    {
        Volatile.Write(ref _changed, 1);
        _context.Signal.Set();
    }

    /// <summary>The map changed: replicas may have to come and go.</summary>
    public void NoteMap()
    {
        _keeper.Want();
        _context.Signal.Set();
    }

    /// <summary>One step; false when nothing was due.</summary>
    public bool RunOnce()
    {
        if (_context.Stopped() is not null) return false;
        bool worked = _keeper.RunOnce();
        _file.SaveIfDue();
        long now = _context.Now;
        bool isDue = now >= _heartbeatAt
            || (Volatile.Read(ref _changed) != 0 && _context.Time.GetElapsedTime(_heardAt, now) >= Coalesce);
        if (!isDue || Interlocked.CompareExchange(ref _asking, 1, 0) != 0) return worked;
        Volatile.Write(ref _changed, 0);
        _heartbeatAt = now + _context.Ticks(_context.Placement.HeartbeatPeriod);
        _heardAt = now;
        _ = _context.Run(HeartbeatAsync);
        return true;
    }

    /// <summary>Who leads the meta group, as far as is known, or who may know; in turn where nothing is known.</summary>
    public NodeNumber Guess()
    {
        if (_hint.Value != 0) return _hint;
        if (_context.MetaStatus.Leader is { Value: not 0 } leader) return leader;
        ClusterMap map = _context.Table.Current;
        NodeNumber[] candidates = [.. map.ReplicasOf(_context.MetaShard).Select(static r => r.Node)];
        if (candidates.Length == 0) candidates = [.. map.Nodes.Where(static n => n.IsMember).Select(static n => n.Number)];
        return candidates.Length == 0 ? default : candidates[(int)((uint)_turn % (uint)candidates.Length)];
    }

    /// <summary>What was asked last did not lead: perhaps the other one does.</summary>
    public void NoteWrong(NodeNumber hint)
    {
        _hint = hint;
        if (hint.Value == 0) _turn++;
    }

    public void Take(RegistryNews news)
    {
        if (!news.Map.IsEmpty && ClusterMapUpdate.TryApply(_context.Table.Current, news.Map.Span) is { } map)
        {
            _context.Table.TryAdvance(map);
        }

        if (!news.View.IsEmpty && IssuedView.TryDecode(news.View.Span) is { } view)
        {
            _context.Views.Take(view, _context.Table.Current);
        }
    }

    private async Task HeartbeatAsync()
    {
        try
        {
            NodeNumber to = Guess();
            if (to.Value == 0) return;
            (RegistryHeartbeat heartbeat, Term told) = Gather(to);
            PeerReply reply = await _context.Calls.CallAsync(
                to, PeerChannel.Control, PeerMethod.Heartbeat, heartbeat.Encode(),
                _context.Now + _context.Ticks(_context.Placement.HeartbeatPeriod)).ConfigureAwait(false);
            RegistryNews? news = reply.IsOk ? RegistryNews.TryDecode(reply.Body.Span) : null;
            if (news is not { IsLeader: true })
            {
                NoteWrong(news is not null && news.Leader != to ? news.Leader : default);
                // Soon again, elsewhere.
                _heartbeatAt = Math.Min(_heartbeatAt, _context.Now + _context.Ticks(Coalesce));
                return;
            }

            _hint = to;
            lock (_lock)
            {
                // Told to a leader of another term: it has not heard the rest.
                bool isWhole = !news.WantsFull && (heartbeat.IsFull || told == news.Term);
                _reportedTo = isWhole ? (to, news.Term) : default;
                foreach (LeaderReport report in heartbeat.Reports)
                {
                    _reported[report.Shard.Value] = (report.Term.Value, report.Leader.Value);
                }
            }

            if (_reportedTo.Node.Value == 0) Volatile.Write(ref _changed, 1);
            Take(news);
        }
        finally
        {
            Volatile.Write(ref _asking, 0);
        }
    }

    private (RegistryHeartbeat Heartbeat, Term Told) Gather(NodeNumber to)
    {
        lock (_lock)
        {
            bool isFull = _reportedTo.Node != to;
            var reports = new List<LeaderReport>();
            for (uint i = 0; i < (uint)_reported.Length; i++)
            {
                ReplicaStatus status = _context.Host.Status(new ShardId(i));
                if (status.Leader.Value == 0) continue;
                if (!isFull && _reported[i] == (status.Term.Value, status.Leader.Value)) continue;
                reports.Add(new LeaderReport(new ShardId(i), status.Term, status.Leader));
            }

            return (new RegistryHeartbeat
            {
                BootEpoch = _context.Identity.BootEpoch,
                StoreUuid = _context.Identity.StoreUuid,
                Address = _context.Views.AddressOf(_context.Self),
                Zone = _context.Options.Zone,
                Revision = _context.Table.Current.Revision,
                Epoch = _context.Views.ReportedEpoch,
                IsFull = isFull,
                Reports = reports,
            }, _reportedTo.Term);
        }
    }
}
