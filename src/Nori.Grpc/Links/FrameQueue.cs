namespace Nori.Grpc;

/// <summary>Frames that wait for a connection, bounded by number and bytes: the newest matter, the oldest go.</summary>
internal sealed class FrameQueue(int framesMax, long bytesMax) : IDisposable
{
    // Guards what follows.
    private readonly Lock _gate = new();
    private readonly Queue<ReadOnlyMemory<byte>> _frames = new();
    private readonly SemaphoreSlim _filled = new(0, 1);
    private long _bytes;
    private long _dropped;
    private bool _isOpen;

    public long Dropped => Interlocked.Read(ref _dropped);

    public bool IsOpen
    {
        get
        {
            lock (_gate) return _isOpen;
        }
    }

    public bool IsEmpty
    {
        get
        {
            lock (_gate) return _frames.Count == 0;
        }
    }

    /// <summary>Closed, it takes nothing and forgets what it has: it would be stale when the connection is back.</summary>
    public void SetOpen(bool isOpen)
    {
        lock (_gate)
        {
            _isOpen = isOpen;
            if (isOpen) return;
            _dropped += _frames.Count;
            _frames.Clear();
            _bytes = 0;
        }
    }

    public bool TryAdd(ReadOnlyMemory<byte> frame)
    {
        lock (_gate)
        {
            if (!_isOpen || frame.Length > bytesMax)
            {
                _dropped++;
                return false;
            }

            while (_frames.Count >= framesMax || _bytes + frame.Length > bytesMax)
            {
                _bytes -= _frames.Dequeue().Length;
                _dropped++;
            }

            _frames.Enqueue(frame);
            _bytes += frame.Length;
            if (_filled.CurrentCount == 0) _filled.Release();
            return true;
        }
    }

    public bool TryTake(out ReadOnlyMemory<byte> frame, out bool isLast)
    {
        lock (_gate)
        {
            bool any = _frames.TryDequeue(out frame);
            if (any) _bytes -= frame.Length;
            isLast = _frames.Count == 0;
            return any;
        }
    }

    public Task WaitAsync(CancellationToken cancellationToken) => _filled.WaitAsync(cancellationToken);

    public void Dispose() => _filled.Dispose();
}
