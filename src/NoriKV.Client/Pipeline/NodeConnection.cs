using NoriKV.Client.Transport;
using NoriKV.Proto.V1;

namespace NoriKV.Client.Pipeline;

/// <summary>A node: its transport and its pipelined streams, opened when first used and again after a failure.</summary>
/// <remarks>Thread-safe.</remarks>
internal sealed class NodeConnection : IAsyncDisposable
{
    // A message near the node's inbound limit would end a shared stream and all calls on it: it goes alone.
    private const int SharedCallBytesMax = 1 << 20;

    private readonly Lock _gate = new(); // guards _streams and _disposed
    private readonly INodeTransport _transport;
    private readonly NoriKVClientOptions _options;
    private readonly CallStream?[] _streams;
    private readonly List<Task> _closing = [];
    private int _next;
    private bool _disposed;

    public NodeConnection(string address, INodeTransport transport, NoriKVClientOptions options)
    {
        Address = address;
        _transport = transport;
        _options = options;
        _streams = new CallStream?[options.StreamsPerNode];
    }

    public string Address { get; }

    public INodeTransport Transport => _transport;

    /// <summary>Runs one attempt: answers the node's result or throws <see cref="RpcException"/>.</summary>
    public async ValueTask<StreamResult> CallAsync(StreamCall call, long deadline, CancellationToken cancellationToken)
    {
        var pending = new PendingCall(call, deadline);
        if (pending.Bytes > SharedCallBytesMax) return await AloneAsync(call, deadline, cancellationToken).ConfigureAwait(false);
        CallStream stream = Send(pending);
        if (!cancellationToken.CanBeCanceled) return await pending.Task.ConfigureAwait(false);
        using (cancellationToken.UnsafeRegister(
            static (state, token) => ((PendingCall)state!).TryCancel(token), pending))
        {
            try
            {
                return await pending.Task.ConfigureAwait(false);
            }
            finally
            {
                stream.Forget(pending);
            }
        }
    }

    /// <summary>Fails what is past its deadline; says whether anything is pending.</summary>
    public bool Sweep(long now)
    {
        bool pending = false;
        foreach (CallStream? stream in _streams)
        {
            if (stream is null) continue;
            stream.Sweep(now);
            pending |= stream.Pending > 0;
        }

        return pending;
    }

    public async ValueTask DisposeAsync()
    {
        Task[] closing;
        lock (_gate)
        {
            _disposed = true;
            foreach (CallStream? stream in _streams)
            {
                if (stream is not null) _closing.Add(stream.DisposeAsync().AsTask());
            }

            closing = [.. _closing];
        }

        await Task.WhenAll(closing).ConfigureAwait(false);
        await _transport.DisposeAsync().ConfigureAwait(false);
    }

    private async Task<StreamResult> AloneAsync(StreamCall call, long deadline, CancellationToken cancellationToken)
    {
        TimeSpan left = deadline == long.MaxValue
            ? Timeout.InfiniteTimeSpan
            : _options.Time.GetElapsedTime(_options.Time.GetTimestamp(), deadline);
        return await _transport.CallAsync(call, left, cancellationToken).ConfigureAwait(false);
    }

    private CallStream Send(PendingCall call)
    {
        int slot = (int)((uint)Interlocked.Increment(ref _next) % (uint)_streams.Length);
        while (true)
        {
            CallStream stream = Volatile.Read(ref _streams[slot]) is { IsOpen: true } open ? open : Reopen(slot);
            if (stream.TrySend(call)) return stream;
        }
    }

    private CallStream Reopen(int slot)
    {
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_disposed, typeof(NoriKVClient));
            if (_streams[slot] is { } old)
            {
                if (old.IsOpen) return old;
                _closing.RemoveAll(static t => t.IsCompleted);
                _closing.Add(old.DisposeAsync().AsTask());
            }

            var stream = new CallStream(_transport.OpenPipe(), _options.Time, _options.MessageBytesMax);
            Volatile.Write(ref _streams[slot], stream);
            return stream;
        }
    }
}
