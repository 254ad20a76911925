using Nori.Observe;
using Nori.Swim.Core;
using Nori.Swim.Sealing;

namespace Nori.Swim;

// The steps of the loop, and what crosses between it and other threads.
public sealed partial class SwimNode
{
    private readonly Lock _watchGate = new();
    private readonly Dictionary<string, List<TaskCompletionSource<bool>>> _joins = new(StringComparer.Ordinal);

    // Guarded by _watchGate.
    private readonly List<SwimWatch> _watches = [];

    // Those who wait until the good-bye is told; the loop's own.
    private readonly List<TaskCompletionSource> _told = [];

    private SwimMember? _published;

    private long Now => _options.Time.GetElapsedTime(_startedAt).Ticks / TimeSpan.TicksPerMicrosecond;

    /// <summary>Watches changes from now on.</summary>
    /// <exception cref="InvalidOperationException"><see cref="SwimOptions.WatchersMax"/> watch already.</exception>
    public SwimWatch Watch()
    {
        SwimWatch watch = new(_options.EventsMax, w =>
        {
            lock (_watchGate) _watches.Remove(w);
        });
        lock (_watchGate)
        {
            if (_watches.Count >= _options.WatchersMax)
                throw new InvalidOperationException($"{_options.WatchersMax} watch already");
            _watches.Add(watch);
        }

        if (_isStopped) watch.Complete();
        return watch;
    }

    /// <summary>
    /// One step: calls, then everything received, then what is due. Never two at once. True when there was something.
    /// </summary>
    public bool RunOnce()
    {
        bool worked = false;
        for (int i = 0; i < CallsMax && _calls.TryDequeue(out Action? call); i++)
        {
            call();
            worked = true;
        }

        // Received first: after a pause the answers that wait count before the deadlines do.
        for (int i = 0; i < ReceivesMax && _transport.TryReceive(_buffer, out int length, out string source); i++)
        {
            worked = true;
            if (TryOpen(_buffer.AsSpan(0, length), out byte[] message)) _core.OnDatagram(Now, source, message);
            Act();
        }

        long now = Now;
        if (now >= _core.NextDeadline)
        {
            _core.Tick(now);
            worked = true;
        }

        Act();
        if (worked) _metrics.Update(_core);
        if (_core.QueuedUpdates == 0) _told.ForEach(static t => t.TrySetResult());
        return worked;
    }

    internal void WaitForWork()
    {
        if (_isStopped || !_calls.IsEmpty) return;
        long ticks = Math.Clamp(_core.NextDeadline - Now, 0, SwimConfig.Second);
        if (ticks > 0) _transport.Wait(TimeSpan.FromMicroseconds(ticks));
    }

    /// <summary>Does what the core wants, and publishes what it knows.</summary>
    private void Act()
    {
        SwimReady ready = _core.Ready;
        foreach (OutgoingDatagram datagram in ready.Datagrams)
            _transport.Send(datagram.Address, _envelope.Seal(datagram.Payload.Span));
        foreach (StreamRequest request in ready.Streams)
            _ = ExchangeAsync(request.Number, request.Address, _envelope.Seal(request.Payload.Span));
        foreach (long ticks in ready.RoundTrips) _metrics.RoundTrip(ticks);
        if (ready.Events.Count > 0 || !ReferenceEquals(_published, _core.Self)) Publish(ready.Events);
        foreach ((string address, bool succeeded) in ready.Joins)
        {
            if (!_joins.Remove(address, out List<TaskCompletionSource<bool>>? waiting)) continue;
            foreach (TaskCompletionSource<bool> join in waiting) join.TrySetResult(succeeded);
        }

        ready.Clear();
    }

    private void Publish(List<SwimEvent> events)
    {
        _published = _core.Self;
        Volatile.Write(ref _members, _core.CopyMembers());
        _metrics.UpdateMembers(_core);
        foreach (SwimEvent e in events)
        {
            Emit(e);
            lock (_watchGate)
            {
                // Writing never waits: a full watch drops its oldest.
                foreach (SwimWatch watch in _watches) watch.Write(e);
            }
        }
    }

    private void Emit(in SwimEvent e)
    {
        (string id, ulong incarnation) = (e.Member.Id.Value, e.Member.Incarnation);
        switch (e.Kind)
        {
            case SwimEventKind.Joined or SwimEventKind.Alive:
                _options.Events.Emit(new MemberAlive(id, incarnation));
                break;
            case SwimEventKind.Suspect:
                _options.Events.Emit(new MemberSuspected(id, incarnation));
                break;
            case SwimEventKind.Failed:
                _options.Events.Emit(new MemberConfirmed(id, incarnation));
                break;
            case SwimEventKind.Left:
                _options.Events.Emit(new MemberLeft(id, incarnation));
                break;
            case SwimEventKind.IdClash:
                _metrics.Clash();
                break;
        }
    }

    private bool TryOpen(ReadOnlySpan<byte> bytes, out byte[] message)
    {
        SealResult result = _envelope.TryOpen(bytes, out message);
        if (result == SealResult.Ok) return true;
        _metrics.Drop(result);
        DroppedEnvelopes++;
        return false;
    }

    /// <summary>Datagrams and frames whose envelope was not opened.</summary>
    public long DroppedEnvelopes { get; private set; }

    private async Task<bool> JoinOneAsync(string address)
    {
        TaskCompletionSource<bool> joined = new(TaskCreationOptions.RunContinuationsAsynchronously);
        bool posted = TryCall(() =>
        {
            if (!_joins.TryGetValue(address, out List<TaskCompletionSource<bool>>? waiting))
                _joins[address] = waiting = [];
            waiting.Add(joined);
            _core.Join(Now, address);
        });
        if (!posted) return false;
        try
        {
            return await joined.Task.WaitAsync(_stopping.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            return false;
        }
    }

    private async Task ExchangeAsync(long number, string address, byte[] request)
    {
        byte[]? reply = null;
        try
        {
            // The port has its own limit; one that keeps neither that nor its word must not hold up a join for ever.
            reply = await _stream.ExchangeAsync(address, request, _stopping.Token).AsTask()
                .WaitAsync(_options.StreamTimeout * 2, _options.Time, _stopping.Token).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            // As if it had failed.
        }
        finally
        {
            // Whatever a port throws: the core holds a place for each request until it hears of its end, and so this
            // call is never refused.
            _calls.Enqueue(() =>
            {
                if (reply is not null && TryOpen(reply, out byte[] message)) _core.OnStreamReply(Now, number, message);
                else _core.OnStreamFailed(Now, number);
            });
            _transport.Wake();
        }
    }

    private async ValueTask<ReadOnlyMemory<byte>?> AnswerAsync(
        ReadOnlyMemory<byte> request, CancellationToken cancellation)
    {
        TaskCompletionSource<byte[]?> answered = new(TaskCreationOptions.RunContinuationsAsynchronously);
        bool posted = TryCall(() =>
        {
            byte[]? reply = TryOpen(request.Span, out byte[] message) ? _core.OnStreamRequest(Now, message) : null;
            answered.TrySetResult(reply is null ? null : _envelope.Seal(reply));
        });
        if (!posted) return null;
        byte[]? bytes = await answered.Task.WaitAsync(cancellation).ConfigureAwait(false);
        return bytes is null ? null : (ReadOnlyMemory<byte>?)bytes;
    }

    private bool TryCall(Action call)
    {
        if (_isStopped || _calls.Count >= CallsMax) return false;
        _calls.Enqueue(call);
        _transport.Wake();
        return true;
    }

    private void CompleteWatches()
    {
        lock (_watchGate)
        {
            foreach (SwimWatch watch in _watches) watch.Complete();
        }
    }
}
