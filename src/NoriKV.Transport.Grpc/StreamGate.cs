using Nori.Core;

namespace NoriKV.Transport.Grpc;

/// <summary>
/// Bounds what one stream holds: calls that run or whose results wait to be sent, and their bytes. One reader
/// enters, many calls finish, one writer leaves. Who finds it full waits, and so does all that the client sent behind it; when it
/// has been full for longer than a burst takes, calls are sent away instead (decision 0169).
/// </summary>
internal sealed class StreamGate(int callsMax, long bytesMax, TimeSpan fullMax = default, TimeProvider? time = null)
{
    private readonly Lock _lock = new(); // Guards everything below.
    private TaskCompletionSource? _entering;
    private TaskCompletionSource? _draining;
    private int _held;
    private int _running;
    private long _bytes;
    private bool _closed;
    private bool _isFull; // since _fullAt, with no more than half of the room free at any time
    private long _fullAt;

    /// <summary>Calls held now.</summary>
    public int Held
    {
        get
        {
            lock (_lock) return _held;
        }
    }

    /// <summary>
    /// Waits until there is room for a call, and takes it. A call larger than all room enters an empty gate. False for a call that
    /// is sent away: its result is held, and nothing runs.
    /// </summary>
    /// <exception cref="OperationCanceledException">Cancelled, or the gate was closed.</exception>
    public async ValueTask<bool> EnterAsync(int bytes, CancellationToken cancellationToken)
    {
        while (true)
        {
            Task room;
            lock (_lock)
            {
                if (_closed) throw new OperationCanceledException("the stream ends");
                if (HasRoomLocked(bytes))
                {
                    _held++;
                    _running++;
                    _bytes += bytes;
                    return true;
                }

                if (IsSentAwayLocked())
                {
                    _held++;
                    return false;
                }

                Invariant.Assert(_entering is null);
                _entering = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
                room = _entering.Task;
            }

            await room.WaitAsync(cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>A result of so many bytes is held until it is sent: said before anybody may send it.</summary>
    public void Hold(int resultBytes)
    {
        lock (_lock) _bytes += resultBytes;
    }

    /// <summary>A call is over; its result was handed on.</summary>
    public void Finish()
    {
        TaskCompletionSource? drained = null;
        lock (_lock)
        {
            if (--_running == 0) (drained, _draining) = (_draining, null);
        }

        drained?.SetResult();
    }

    /// <summary>Results were sent: there is room again.</summary>
    public void Leave(int calls, long bytes)
    {
        TaskCompletionSource? entering;
        lock (_lock)
        {
            _held -= calls;
            _bytes -= bytes;
            Invariant.Assert(_held >= 0);
            Invariant.Assert(_bytes >= 0);
            (entering, _entering) = (_entering, null);
        }

        entering?.SetResult();
    }

    /// <summary>Lets nobody in any more.</summary>
    public void Close()
    {
        TaskCompletionSource? entering;
        lock (_lock)
        {
            _closed = true;
            (entering, _entering) = (_entering, null);
        }

        entering?.SetResult();
    }

    /// <summary>Waits until no call runs. Nothing may enter meanwhile.</summary>
    public Task DrainAsync()
    {
        lock (_lock)
        {
            if (_running == 0) return Task.CompletedTask;
            _draining = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            return _draining.Task;
        }
    }

    private bool HasRoomLocked(int bytes)
    {
        if (_held <= callsMax / 2) _isFull = false;
        return _held == 0 || (_held < callsMax && _bytes + bytes <= bytesMax);
    }

    // By calls only: large ones are few, and take long to send. No more than as many again: a client that does not read its
    // results is not read from either.
    private bool IsSentAwayLocked()
    {
        if (time is null || _held < callsMax) return false;
        if (!_isFull) (_isFull, _fullAt) = (true, time.GetTimestamp());
        return time.GetElapsedTime(_fullAt) >= fullMax && _held < 2 * callsMax;
    }
}
