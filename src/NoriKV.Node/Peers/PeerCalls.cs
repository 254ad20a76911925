using Nori.Observe;
using NoriKV.Node.Ports;
using NoriKV.Node.Replication;
using NoriKV.Types;

namespace NoriKV.Node.Peers;

/// <summary>
/// Calls between nodes over the channels Control and Forward: a request, an answer, at most once each. All that is asked and
/// answered between two steps leaves as one frame for each peer and channel.
/// </summary>
/// <remarks>
/// Thread-safe. A call is answered by its reply, its deadline, its cancellation, the peer's restart or silence, or the end of
/// this node. It is served at most once, however often its frame comes; whoever calls again makes another call. Handlers run on
/// the thread that brings the frame.
/// </remarks>
internal sealed class PeerCalls
{
    private readonly NodeNumber _self;
    private readonly ulong _cluster;
    private readonly ulong _bootEpoch;
    private readonly ITransport? _transport;
    private readonly PendingWatch _watch;
    private readonly CompletionQueue? _completions;
    private readonly TimeProvider _time;
    private readonly PeerCallOptions _options;
    private readonly PeerHandler?[] _handlers = new PeerHandler?[256];
    private readonly Counter _sent;
    private readonly Counter _bad;
    private readonly Counter _lost;

    // Sorted; guards the replacing of the array.
    private readonly Lock _lock = new();
    private PeerCallLine[] _lines = [];
    private string? _closed;

    /// <summary>Calls of a node.</summary>
    /// <param name="self">Its number.</param>
    /// <param name="cluster">The cluster, as frames name it.</param>
    /// <param name="bootEpoch">Of this process.</param>
    /// <param name="transport">Carries frames; null for a node that only calls itself.</param>
    /// <param name="watch">Sees to deadlines.</param>
    /// <param name="completions">Where continuations are posted; null: the thread pool runs them.</param>
    /// <param name="time">The clock.</param>
    /// <param name="options">Bounds.</param>
    /// <param name="meter">Takes measurements.</param>
    public PeerCalls(
        NodeNumber self, ulong cluster, ulong bootEpoch, ITransport? transport, PendingWatch watch,
        CompletionQueue? completions, TimeProvider time, PeerCallOptions options, IMeter meter)
    {
        _self = self;
        _cluster = cluster;
        _bootEpoch = bootEpoch;
        _transport = transport;
        _watch = watch;
        _completions = completions;
        _time = time;
        _options = options;
        _sent = meter.Counter("peer_call_frames_total", "Frames of calls given to the transport.");
        _bad = meter.Counter("peer_bad_call_frames_total", "Frames of calls that could not be read, or were of another cluster.");
        _lost = meter.Counter("peer_calls_lost_total", "Calls whose peer restarted or fell silent.");
        meter.ObservableGauge("peer_calls_under_way", "Calls to peers that are not answered.", () => Lines.Sum(static l => l.Asked));
    }

    /// <summary>Called when there is a deadline to look after.</summary>
    public Action? Watched { get; set; }

    /// <summary>Asked before a call of another node is served: one that is not is as if it had never come.</summary>
    public Func<PeerMethod, bool> Serves { get; init; } = static _ => true;

    /// <summary>A handler threw, which is a bug.</summary>
    public Action<Exception>? Crashed { get; set; }

    /// <summary>Wakes the loop that steps it.</summary>
    public StepSignal Signal { get; } = new();

    private PeerCallLine[] Lines => Volatile.Read(ref _lines);

    /// <summary>Says who serves a method; before the first frame.</summary>
    public void Handle(PeerMethod method, PeerHandler handler) => _handlers[(byte)method] = handler;

    /// <summary>Asks another node, or this one. The body is copied before this returns.</summary>
    /// <param name="to">Whom.</param>
    /// <param name="channel">Control or Forward.</param>
    /// <param name="method">What for.</param>
    /// <param name="body">With what.</param>
    /// <param name="deadline">Timestamp by which it is answered; long.MaxValue for none.</param>
    /// <param name="cancellationToken">The caller gives up.</param>
    public ValueTask<PeerReply> CallAsync(
        NodeNumber to, PeerChannel channel, PeerMethod method, ReadOnlyMemory<byte> body, long deadline,
        CancellationToken cancellationToken = default) =>
        CallAsync(to, channel, method, default, body, deadline, cancellationToken);

    /// <summary>As above, with a body in two pieces.</summary>
    public ValueTask<PeerReply> CallAsync(
        NodeNumber to, PeerChannel channel, PeerMethod method, ReadOnlySpan<byte> head, ReadOnlyMemory<byte> body,
        long deadline, CancellationToken cancellationToken)
    {
        if (to == _self) return ServeOwnAsync(method, head, body, deadline, cancellationToken);
        uint left = MillisecondsLeft(deadline);
        if (_transport is null || left == 0) return ValueTask.FromResult(new PeerReply(PeerReplyStatus.NotSent));
        PeerCallLine line = LineOf(to, channel);
        var message = new PeerCallMessage(PeerCallKind.Request, method, 0, body) { MillisecondsLeft = left };
        PeerCall? call = line.TryAsk(
            message, head, (Calls: this, line, method, Bytes: head.Length + body.Length, deadline, cancellationToken),
            static (s, id) => new PeerCall(
                s.line, id, s.method, s.Bytes, s.deadline, s.Calls._completions, s.cancellationToken));
        if (call is null) return ValueTask.FromResult(new PeerReply(PeerReplyStatus.NotSent));
        if (_watch.Add(call)) Watched?.Invoke();
        Signal.Set();
        if (Volatile.Read(ref _closed) is { } why) call.Fail(why);
        return call.Outcome;
    }

    /// <summary>Tells another node something that wants no answer; it may get lost.</summary>
    public void Tell(NodeNumber to, PeerChannel channel, PeerMethod method, ReadOnlyMemory<byte> body)
    {
        if (to == _self)
        {
            _ = ServeOwnAsync(method, default, body, long.MaxValue, CancellationToken.None).AsTask();
            return;
        }

        if (_transport is null) return;
        LineOf(to, channel).Tell(
            new PeerCallMessage(PeerCallKind.Note, method, 0, body) { MillisecondsLeft = uint.MaxValue });
        Signal.Set();
    }

    /// <summary>Sends what waits; false when nothing did.</summary>
    public bool RunOnce()
    {
        bool any = false;
        foreach (PeerCallLine line in Lines)
        {
            foreach (PeerCallParcel parcel in line.Take())
            {
                any = true;
                Send(line, parcel);
            }
        }

        return any;
    }

    /// <summary>A frame of the channels Control or Forward arrived.</summary>
    public void Receive(NodeNumber from, PeerChannel channel, ReadOnlyMemory<byte> bytes)
    {
        bool isOurs = PeerCallFrame.TryDecode(bytes, _cluster, out PeerCallFrame frame, out ReadOnlyMemory<byte> messages);
        if (!isOurs || frame.From != from || frame.To != _self || from == _self)
        {
            _bad.Add();
            return;
        }

        PeerCallLine line = LineOf(from, channel);
        if (!line.TryHear(frame.BootEpoch, out bool isAnother)) return;
        if (isAnother) Lose(line);
        for (uint i = 0; i < frame.Messages; i++)
        {
            if (!PeerCallFrame.TryRead(ref messages, out PeerCallMessage message))
            {
                _bad.Add();
                return;
            }

            Take(line, message);
        }
    }

    /// <summary>The peer restarted, or nothing is heard of it: nobody answers what it was asked.</summary>
    public void NoteLost(NodeNumber peer)
    {
        foreach (PeerCallLine line in Lines)
        {
            if (line.Peer == peer) Lose(line);
        }
    }

    /// <summary>No step follows: answers those that wait (the watch does, too) and all that come.</summary>
    public void Close(string why)
    {
        Volatile.Write(ref _closed, why);
        foreach (PeerCallLine line in Lines)
        {
            foreach (PeerCall call in line.ForgetAll()) call.Fail(why);
        }
    }

    private void Send(PeerCallLine line, in PeerCallParcel parcel)
    {
        new PeerCallFrame(_self, line.Peer, _bootEpoch, parcel.Messages).Seal(parcel.Bytes.AsSpan(0, parcel.Length), _cluster);
        _sent.Add();
        if (_transport!.TrySend(line.Peer, line.Channel, parcel.Bytes.AsMemory(0, parcel.Length))) return;
        foreach (ulong id in parcel.Requests) line.Forget(id)?.TryAnswer(new PeerReply(PeerReplyStatus.NotSent));
    }

    private void Lose(PeerCallLine line)
    {
        foreach (PeerCall call in line.ForgetAll())
        {
            _lost.Add();
            call.TryAnswer(new PeerReply(PeerReplyStatus.Lost));
        }
    }

    private void Take(PeerCallLine line, in PeerCallMessage message)
    {
        switch (message.Kind)
        {
            case PeerCallKind.Reply when message.AskerEpoch == _bootEpoch:
                line.Forget(message.Id)?.TryAnswer(new PeerReply(message.Status, message.Body));
                break;
            case PeerCallKind.Cancel:
                line.GiveUp(message.Id);
                break;
            case PeerCallKind.Request or PeerCallKind.Note when Serves(message.Method) && line.IsNew(message.Id):
                Serve(line, message);
                break;
        }
    }

    private void Serve(PeerCallLine line, in PeerCallMessage message)
    {
        ulong epoch = line.Epoch;
        if (line.TryServe(message.Id) is not { } cancel)
        {
            Reply(line, message, epoch, new PeerReply(PeerReplyStatus.Overloaded));
            return;
        }

        var request = new PeerRequest(
            line.Peer, message.Method, message.Body, DeadlineOf(message.MillisecondsLeft), cancel.Token);
        _ = ServeAsync(line, message, epoch, cancel, request);
    }

    private async Task ServeAsync(
        PeerCallLine line, PeerCallMessage message, ulong epoch, CancellationTokenSource cancel, PeerRequest request)
    {
        PeerReply reply = await HandleAsync(request).ConfigureAwait(false);
        if (!line.EndServing(message.Id, cancel)) return;
        Reply(line, message, epoch, reply);
    }

    private void Reply(PeerCallLine line, in PeerCallMessage message, ulong epoch, in PeerReply reply)
    {
        if (message.Kind == PeerCallKind.Note || Volatile.Read(ref _closed) is not null) return;
        PeerReplyStatus status = reply.Status < PeerReplyStatus.NotSent ? reply.Status : PeerReplyStatus.Stopped;
        line.Tell(new PeerCallMessage(PeerCallKind.Reply, message.Method, message.Id, reply.Body)
        {
            AskerEpoch = epoch,
            Status = status,
        });
        Signal.Set();
    }

    private async ValueTask<PeerReply> HandleAsync(PeerRequest request)
    {
        if (_handlers[(byte)request.Method] is not { } handler)
        {
            return PeerReply.Refuse($"method {(byte)request.Method} is unknown here");
        }

        try
        {
            return await handler(request).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            return new PeerReply(PeerReplyStatus.Stopped);
        }
#pragma warning disable CA1031 // What a handler throws is a bug: the owner decides what becomes of the node.
        catch (Exception e)
#pragma warning restore CA1031
        {
            Crashed?.Invoke(e);
            return new PeerReply(PeerReplyStatus.Stopped);
        }
    }

    private ValueTask<PeerReply> ServeOwnAsync(
        PeerMethod method, ReadOnlySpan<byte> head, ReadOnlyMemory<byte> body, long deadline,
        CancellationToken cancellationToken)
    {
        byte[] whole = new byte[head.Length + body.Length];
        head.CopyTo(whole);
        body.Span.CopyTo(whole.AsSpan(head.Length));
        return HandleAsync(new PeerRequest(_self, method, whole, deadline, cancellationToken));
    }

    private PeerCallLine LineOf(NodeNumber peer, PeerChannel channel)
    {
        return Find(Lines) ?? Add();

        PeerCallLine? Find(PeerCallLine[] lines)
        {
            foreach (PeerCallLine line in lines)
            {
                if (line.Peer == peer && line.Channel == channel) return line;
            }

            return null;
        }

        PeerCallLine Add()
        {
            lock (_lock)
            {
                if (Find(_lines) is { } other) return other;
                var line = new PeerCallLine(peer, channel, _options);
                Volatile.Write(ref _lines, [.. _lines.Append(line).OrderBy(static l => l.Peer).ThenBy(static l => l.Channel)]);
                return line;
            }
        }
    }

    private uint MillisecondsLeft(long deadline)
    {
        if (deadline == long.MaxValue) return uint.MaxValue;
        double left = (deadline - _time.GetTimestamp()) * 1000.0 / _time.TimestampFrequency;
        return left <= 0 ? 0 : (uint)Math.Min(Math.Ceiling(left), uint.MaxValue - 1);
    }

    private long DeadlineOf(uint millisecondsLeft) => millisecondsLeft == uint.MaxValue
        ? long.MaxValue
        : _time.GetTimestamp() + (long)(millisecondsLeft / 1000.0 * _time.TimestampFrequency);
}
