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
    internal static readonly TimeSpan StallMax = TimeSpan.FromMilliseconds(500);

    /// <summary>After so long without a sync one is made to see whether the disk still answers.</summary>
    private static readonly TimeSpan ProbePeriod = TimeSpan.FromSeconds(2);

    /// <summary>Milliseconds that a wall clock may be off the median of the nodes.</summary>
    private const long ClockLeadMax = 500;

    /// <summary>A wall clock that moves so much beside the monotonic one was set.</summary>
    private static readonly TimeSpan JumpMin = TimeSpan.FromMilliseconds(50);

    /// <summary>
    /// So long after its start, or a jump of its clock, a node waits for clocks to compare its own with. Then it believes it all the same.
    /// </summary>
    private static readonly TimeSpan CompareWithin = TimeSpan.FromSeconds(5);

    private readonly HostContext _context;
    private readonly IReadOnlyList<RaftWorker> _workers;
    private readonly TimeProvider _time;
    private readonly long _tickLength;
    private readonly long _livenessLength;
    private long _lastTick;
    private long _lastLiveness;
    private long _lastLook;
    private DateTimeOffset _lastWall;
    private long _doubtedSince;
    private bool _isWell = true;
    private bool _isClockWell;
    private bool _isClockKnown;
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
        _doubtedSince = _lastTick;
        _isClockWell = _isClockKnown = context.Liveness.IsAlone;
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
            // What a tick was late is left out: made up for, it would end a promise early, and a lease rests on that.
            _lastTick = now;
            foreach (RaftWorker worker in _workers) worker.NoteTick();
            worked = true;
        }

        if (_context.Sender is null)
        {
            _context.Stamps.Alone(ClockReading.Of(_time));
            return worked;
        }

        worked |= LookAtDisk(now);
        worked |= LookAtClock(now);
        foreach (PeerNote note in _context.Liveness.TakeNotes())
        {
            foreach (RaftWorker worker in _workers) worker.Post(note);
            if (note.Kind == PeerNoteKind.Silent) _context.PeerLost?.Invoke(note.Node);
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
        // One reading for all that is concluded from it: a clock that is set between two would be followed as one that was borne out.
        ClockReading reading = ClockReading.Of(_time);
        NoteJump(reading);
        bool isCompared = _context.Liveness.TryClockLead(reading, out long lead, out bool isAgreed);
        bool isKnown = isCompared || _time.GetElapsedTime(_doubtedSince, now) >= CompareWithin;
        bool isWell = isKnown && Math.Abs(lead) <= (_isClockWell || !_isClockKnown ? ClockLeadMax : ClockLeadMax / 2);
        if (isCompared && isAgreed) _context.Stamps.Compared(isWell ? 0 : lead, reading);
        else _context.Stamps.Alone(reading);
        if (!isKnown) return false;
        string? fault = isWell ? null : string.Create(
            CultureInfo.InvariantCulture,
            $"The wall clock is {Math.Abs(lead)} ms {(lead > 0 ? "ahead of" : "behind")} the median of the nodes: leadership is "
            + $"given up until it is within {ClockLeadMax / 2} ms of it");
        Volatile.Write(ref _clockFault, fault);
        // That a clock is well after a start is no news.
        bool isNews = _isClockKnown || !isWell;
        _isClockKnown = true;
        if (isWell == _isClockWell) return false;
        _isClockWell = isWell;
        if (isNews) _context.Options.Events.Emit(new ClockWellness(isWell, lead));
        Tell(now);
        return true;
    }

    /// <summary>
    /// What was measured against a clock that has jumped since says nothing. What was found with it holds until there is something
    /// new: else a node whose clock is wrong took its leaderships back at each jump, for as long as it had heard nobody.
    /// </summary>
    private void NoteJump(in ClockReading reading)
    {
        TimeSpan drift = (reading.Wall - _lastWall) - _time.GetElapsedTime(_lastLook, reading.Timestamp);
        (_lastWall, _lastLook) = (reading.Wall, reading.Timestamp);
        if (drift.Duration() <= JumpMin) return;
        _context.Liveness.ForgetOffsets();
        if (_isClockKnown) _doubtedSince = reading.Timestamp;
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
