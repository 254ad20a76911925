using Nori.Raft.Core;

namespace Nori.Raft;

// What comes in: frames, time, commands.
public sealed partial class RaftNode
{
    private const int FramesPerStep = 256;
    private const int CommandsPerStep = 4096;
    private readonly List<RaftEntry> _received = [];
    private readonly Dictionary<LogIndex, PendingCommand> _waiting = [];

    // All under way, in the order of their deadlines.
    private readonly Queue<PendingCommand> _deadlines = [];
    private readonly TimeSpan _tickLength;
    private long _lastTick;
    private long _ticks;
    private long _stalledTicks;
    private ulong _persistedAtTick;
    private bool _isLogStalled;

    private long PatienceTicks => Math.Max(1, _options.Patience.Ticks / _tickLength.Ticks);

    private long LeaseNow => ReferenceEquals(_options.Time, TimeProvider.System)
        ? BootClock.Nanoseconds
        : (long)(_options.Time.GetTimestamp() * (1e9 / _options.Time.TimestampFrequency));

    private bool IsLogFull => _writer.QueuedBytes > _options.LogQueueBytesMax;

    private void OnFrame(ReadOnlyMemory<byte> frame)
    {
        if (_isStopped) return;
        bool hasRoom = Interlocked.Increment(ref _inboxFrames) <= _options.InboxFramesMax;
        hasRoom &= Interlocked.Add(ref _inboxBytes, frame.Length) <= _options.InboxBytesMax;
        if (!hasRoom)
        {
            Interlocked.Decrement(ref _inboxFrames);
            Interlocked.Add(ref _inboxBytes, -frame.Length);
            _metrics.DroppedFrames.Add();
            return;
        }

        _inbox.Enqueue(frame);
        WakeOwner();
    }

    private bool TakeFrames()
    {
        int taken = 0;
        for (; taken < FramesPerStep && _inbox.TryDequeue(out ReadOnlyMemory<byte> frame); taken++)
        {
            Interlocked.Decrement(ref _inboxFrames);
            Interlocked.Add(ref _inboxBytes, -frame.Length);
            if (!TakeFrame(frame)) _metrics.DroppedFrames.Add();
        }

        return taken > 0;
    }

    private bool TakeFrame(ReadOnlyMemory<byte> frame)
    {
        if (!Frames.TryOpen(frame, out FrameKind kind, out ReadOnlyMemory<byte> body)) return false;
        if (kind == FrameKind.Message) return TakeMessage(body.Span);
        return Frames.TryReadSnapshot(kind, body, out SnapshotFrame snapshot) && TakeSnapshotFrame(snapshot);
    }

    private bool TakeMessage(ReadOnlySpan<byte> body)
    {
        if (!RaftMessageCodec.TryRead(body, out RaftMessage message, _received)) return false;
        // Snapshots have frames of their own: a bare claim to have one would be believed by the core.
        if (message.Kind == MessageKind.Snapshot) return false;
        // The memory before the log is full: what is dropped here is sent again.
        if (_received.Count > 0 && IsLogFull) return false;
        foreach (RaftEntry entry in _received) _tail.Stage(entry);
        return _core.Step(message) is StepResult.Processed or StepResult.Ignored;
    }

    // Missed ticks are left out: made up for, they would end the loyalty to a leader early, and with it its lease.
    private bool TakeTick()
    {
        long now = _options.Time.GetTimestamp();
        if (_options.Time.GetElapsedTime(_lastTick, now) < _tickLength) return false;
        _lastTick = now;
        _ticks++;
        _core.Tick();
        _exchange.Tick();
        Wake(SnapshotStep);
        WatchLog();
        ExpireCommands();
        ExpireReads();
        return true;
    }

    // A leader whose disk hangs would lead on by its heartbeats, and nobody would hear of anything it accepts.
    private void WatchLog()
    {
        ulong persisted = _writer.Persisted;
        bool isStuck = _pending.Count > 0 && persisted == _persistedAtTick;
        _persistedAtTick = persisted;
        _stalledTicks = isStuck ? _stalledTicks + 1 : 0;
        _isLogStalled = _stalledTicks * _tickLength.Ticks >= _options.LogStallMax.Ticks;
        _core.IsEligible = !_isLogStalled;
        if (_isLogStalled && _core.Role == RaftRole.Leader) _core.Resign();
    }

    private bool TakeCommands()
    {
        int taken = 0;
        for (; taken < CommandsPerStep && _commands.TryDequeue(out PendingCommand? command); taken++)
            if (command.TryTake()) Propose(command);
        return taken > 0;
    }

    private void Propose(PendingCommand command)
    {
        RaftEntry entry = new(default, default, EntryType.Normal, command.Data);
        if (IsLogFull || _applier.QueuedBytes > _options.ApplyQueueBytesMax)
        {
            bool leads = _core.Role == RaftRole.Leader;
            command.Refuse(leads ? CommandStatus.Overloaded : CommandStatus.NotLeader, _core.Leader);
            return;
        }

        ProposeResult result = _core.TryPropose(1, entry.Size);
        if (!result.IsAccepted)
        {
            bool isOverload = result.Status == ProposeStatus.Overloaded;
            command.Refuse(isOverload ? CommandStatus.Overloaded : CommandStatus.NotLeader, result.Leader);
            return;
        }

        _tail.Stage(entry with { Index = result.First, Term = result.Term });
        command.Place(result.First, result.Term);
        (command.Deadline, command.Started) = (_ticks + PatienceTicks, _options.Time.GetTimestamp());
        // That an entry was replaced in this log proves nothing: another replica may hold it and be elected with it (Raft figure 8).
        // Only what is committed at its index decides.
        if (_waiting.TryGetValue(result.First, out PendingCommand? earlier)) command.Earlier = earlier;
        _waiting[result.First] = command;
        _deadlines.Enqueue(command);
    }

    private void ExpireCommands()
    {
        while (_deadlines.TryPeek(out PendingCommand? first) && (first.Task.IsCompleted || first.Deadline <= _ticks))
        {
            _deadlines.Dequeue();
            if (first.Task.IsCompleted) continue;
            // Those of its index that came before it are over, too: deadlines follow each other.
            if (_waiting.GetValueOrDefault(first.Index) == first) _waiting.Remove(first.Index);
            first.Refuse(CommandStatus.Unknown, _core.Leader);
        }
    }
}
