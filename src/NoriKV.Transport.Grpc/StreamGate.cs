using Nori.Core;

namespace NoriKV.Transport.Grpc;

/// <summary>
/// Bounds what one stream holds: calls that run or whose results wait to be sent, and their bytes. One reader
/// enters, many calls finish, one writer leaves.
/// </summary>
internal sealed class StreamGate(int callsMax, long bytesMax)
{
    private readonly Lock _lock = new(); // Guards everything below.
    private TaskCompletionSource? _entering;
    private TaskCompletionSource? _draining;
    private int _held;
    private int _running;
    private long _bytes;
    private bool _closed;

    /// <summary>Calls held now.</summary>
    public int Held
    {
        get
        {
            lock (_lock) return _held;
        }
    }

    /// <summary>
    /// Waits until there is room for a call, and takes it. A call larger than all room enters an empty gate.
    /// </summary>
    /// <exception cref="OperationCanceledException">Cancelled, or the gate was closed.</exception>
    public async ValueTask EnterAsync(int bytes, CancellationToken cancellationToken)
    {
        while (true)
        {
            Task room;
            lock (_lock)
            {
                if (_closed) throw new OperationCanceledException("the stream ends");
                if (_held == 0 || (_held < callsMax && _bytes + bytes <= bytesMax))
                {
                    _held++;
                    _running++;
                    _bytes += bytes;
                    return;
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
}
