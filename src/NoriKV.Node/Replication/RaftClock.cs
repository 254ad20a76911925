using System.Globalization;
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

    /// <summary>Milliseconds that a wall clock may be off the median of the nodes.</summary>
    private const long ClockLeadMax = 500;

    /// <summary>A wall clock that moves so much beside the monotonic one was set.</summary>
    private static readonly TimeSpan JumpMin = TimeSpan.FromMilliseconds(50);

    private readonly HostContext _context;
    private readonly IReadOnlyList<RaftWorker> _workers;
    private readonly TimeProvider _time;
    private readonly long _tickLength;
    private readonly long _livenessLength;
    private long _lastTick;
    private long _lastLiveness;
    private long _lastLook;
    private DateTimeOffset _lastWall;
    private bool _isWell = true;
    private bool _isClockWell = true;
    private string? _clockFault;

    public RaftClock(HostContext context, IReadOnlyList<RaftWorker> workers)
    {
        _context = context;
        _workers = workers;
        _time = context.Options.Time;
        _tickLength = Length(context.Options.Tick);
        _livenessLength = Length(LivenessPeriod);
        _lastTick = _time.GetTimestamp();
        _lastLiveness = _lastTick - _livenessLength;
        (_lastLook, _lastWall) = (_lastTick, _time.GetUtcNow());
    }

    /// <summary>True while this node's disk answers in time.</summary>
    public bool IsDiskWell => Volatile.Read(ref _isWell);

    /// <summary>Why this node gives up leaderships although its disk is well; null while its clock agrees with the others'.</summary>
    public string? ClockFault => Volatile.Read(ref _clockFault);

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
        worked |= LookAtClock(now);
        foreach (PeerNote note in _context.Liveness.TakeNotes())
        {
            foreach (RaftWorker worker in _workers) worker.Post(note);
            if (note.Kind is PeerNoteKind.Silent or PeerNoteKind.Restarted) _context.PeerLost?.Invoke(note.Node);
            worked = true;
        }

        if (now - _lastLiveness < _livenessLength) return worked;
        _lastLiveness = now;
        _context.Admission.NoteLag(_context.Liveness.MajorityLag(_context.Pipeline.BacklogBytes));
        foreach (NodeNumber peer in _context.Liveness.Peers) _context.Sender.Send(peer, 0, default);
        return true;
    }

    private bool LookAtDisk(long now)
    {
        TimeSpan stalled = _context.Log.Stalled(now);
        bool isWell = stalled <= StallMax;
        if (stalled == TimeSpan.Zero && _context.Log.SinceSync(now) >= ProbePeriod) _context.Log.WantProbe(now);
        if (isWell == _isWell) return false;
        Volatile.Write(ref _isWell, isWell);
        Tell(now);
        return true;
    }

    /// <summary>
    /// A leader's clock stamps what expires. One that is far from the others' gives leadership up, and takes it again when it is
    /// half as far (protocol.md §5).
    /// </summary>
    private bool LookAtClock(long now)
    {
        NoteJump(now);
        long lead = _context.Liveness.ClockLead();
        bool isWell = Math.Abs(lead) <= (_isClockWell ? ClockLeadMax : ClockLeadMax / 2);
        string? fault = isWell ? null : string.Create(
            CultureInfo.InvariantCulture,
            $"The wall clock is {Math.Abs(lead)} ms {(lead > 0 ? "ahead of" : "behind")} the median of the nodes: leadership is "
            + $"given up until it is within {ClockLeadMax / 2} ms of it");
        Volatile.Write(ref _clockFault, fault);
        if (isWell == _isClockWell) return false;
        _isClockWell = isWell;
        _context.Options.Events.Emit(new ClockWellness(isWell, lead));
        Tell(now);
        return true;
    }

    /// <summary>What was measured against a clock that has jumped since says nothing.</summary>
    private void NoteJump(long now)
    {
        DateTimeOffset wall = _time.GetUtcNow();
        TimeSpan drift = (wall - _lastWall) - _time.GetElapsedTime(_lastLook, now);
        (_lastWall, _lastLook) = (wall, now);
        if (drift.Duration() > JumpMin) _context.Liveness.ForgetOffsets();
    }

    private void Tell(long now)
    {
        _context.Sender!.IsWell = _isWell && _isClockWell;
        foreach (RaftWorker worker in _workers) worker.NoteWellness(new NodeWellness(_isWell, _isClockWell));
        // Peers learn of it at once.
        _lastLiveness = now - _livenessLength;
    }

    private long Length(TimeSpan span) => (long)(span.TotalSeconds * _time.TimestampFrequency);
}
