using NoriKV.Node.Peers;
using NoriKV.Types;

namespace NoriKV.Node.Replication;

/// <summary>
/// What time asks of a node's groups: Raft ticks, frames that say that this node is there, and whether it is well. Stepped by
/// the node's tick.
/// </summary>
internal sealed class RaftClock
{
    /// <summary>A peer hears from this node at least so often.</summary>
    private static readonly TimeSpan LivenessPeriod = TimeSpan.FromMilliseconds(150);

    /// <summary>A disk is not well when a write waits for its sync so long.</summary>
    private static readonly TimeSpan StallMax = TimeSpan.FromMilliseconds(500);

    /// <summary>After so long without a sync one is made to see whether the disk still answers.</summary>
    private static readonly TimeSpan ProbePeriod = TimeSpan.FromSeconds(2);

    private readonly HostContext _context;
    private readonly IReadOnlyList<RaftWorker> _workers;
    private readonly TimeProvider _time;
    private readonly long _tickLength;
    private readonly long _livenessLength;
    private long _lastTick;
    private long _lastLiveness;
    private bool _isWell = true;

    public RaftClock(HostContext context, IReadOnlyList<RaftWorker> workers)
    {
        _context = context;
        _workers = workers;
        _time = context.Options.Time;
        _tickLength = Length(context.Options.Tick);
        _livenessLength = Length(LivenessPeriod);
        _lastTick = _time.GetTimestamp();
        _lastLiveness = _lastTick - _livenessLength;
    }

    /// <summary>True while this node's disk answers in time.</summary>
    public bool IsWell => _isWell;

    /// <summary>One look at the clock; false when nothing was due.</summary>
    public bool RunOnce()
    {
        long now = _time.GetTimestamp();
        bool worked = false;
        if (now - _lastTick >= _tickLength)
        {
            // Ticks that were missed are left out: made up for, they would end a promise early.
            _lastTick = now - _lastTick < 2 * _tickLength ? _lastTick + _tickLength : now;
            foreach (RaftWorker worker in _workers) worker.NoteTick();
            worked = true;
        }

        if (_context.Sender is null) return worked;
        worked |= LookAtDisk(now);
        foreach (PeerNote note in _context.Liveness.TakeNotes())
        {
            foreach (RaftWorker worker in _workers) worker.Post(note);
            if (note.Kind is PeerNoteKind.Silent or PeerNoteKind.Restarted) _context.PeerLost?.Invoke(note.Node);
            worked = true;
        }

        if (now - _lastLiveness < _livenessLength) return worked;
        _lastLiveness = now;
        foreach (NodeNumber peer in _context.Liveness.Peers) _context.Sender.Send(peer, 0, default);
        return true;
    }

    private bool LookAtDisk(long now)
    {
        TimeSpan stalled = _context.Log.Stalled(now);
        bool isWell = stalled <= StallMax;
        if (stalled == TimeSpan.Zero && _context.Log.SinceSync(now) >= ProbePeriod) _context.Log.WantProbe(now);
        if (isWell == _isWell) return false;
        _isWell = isWell;
        _context.Sender!.IsWell = isWell;
        foreach (RaftWorker worker in _workers) worker.NoteWellness(isWell);
        // Peers learn of it at once.
        _lastLiveness = now - _livenessLength;
        return true;
    }

    private long Length(TimeSpan span) => (long)(span.TotalSeconds * _time.TimestampFrequency);
}
