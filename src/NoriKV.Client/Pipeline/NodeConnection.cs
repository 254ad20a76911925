using NoriKV.Client.Routing;
using NoriKV.Client.Transport;
using NoriKV.Proto.V1;
using NoriKV.Types;

namespace NoriKV.Client.Pipeline;

/// <summary>
/// A node: its transport and its pipelined streams, opened when first used and again after a failure. One that says nothing
/// while calls wait is asked whether it lives; without an answer the connection ends and its calls go elsewhere.
/// </summary>
/// <remarks>Thread-safe.</remarks>
internal sealed class NodeConnection : IAsyncDisposable
{
    // A message near the node's inbound limit would end a shared stream and all calls on it: it goes alone.
    private const int SharedCallBytesMax = 1 << 20;

    // More than any node takes: it would end the connection in the middle of it, and what for nobody could say.
    private const int CallBytesMax = 64 << 20;

    private readonly Lock _gate = new(); // guards _streams, _retired, _closing, _ended and what is said of waits
    private readonly INodeTransport _transport;
    private readonly ClusterIdentity _cluster;
    private readonly NoriKVClientOptions _options;
    private readonly Action _wake;
    private readonly Action<NodeConnection> _silent;
    private readonly CallStream?[] _streams;
    private readonly List<CallStream> _retired = [];
    private readonly List<Task> _closing = [];
    private readonly CancellationTokenSource _gone = new();
    private KvError? _ended;
    private long _waitsMoved;
    private long _waitsEndedAt;
    private long _answeredAt;
    private int _waits;
    private int _asking;
    private int _next;

    /// <summary>Makes one; connecting happens with the first call.</summary>
    /// <param name="address">host:port.</param>
    /// <param name="transport">Owned from here on.</param>
    /// <param name="cluster">Which cluster it must be of.</param>
    /// <param name="options">The client's.</param>
    /// <param name="wake">Called behind each call that waits: somebody has to call <see cref="Sweep"/>.</param>
    /// <param name="silent">Called when the node says nothing any more.</param>
    public NodeConnection(
        string address,
        INodeTransport transport,
        ClusterIdentity cluster,
        NoriKVClientOptions options,
        Action wake,
        Action<NodeConnection> silent)
    {
        Address = address;
        _transport = transport;
        _cluster = cluster;
        _options = options;
        _wake = wake;
        _silent = silent;
        _streams = new CallStream?[options.StreamsPerNode];
        Gone = _gone.Token;
    }

    public string Address { get; }

    /// <summary>Cancelled when the connection ends, for what waits for the node outside of its streams.</summary>
    public CancellationToken Gone { get; }

    /// <summary>The transport, told which cluster its calls are for.</summary>
    public INodeTransport Transport
    {
        get
        {
            _transport.ClusterId = _cluster.Id;
            return _transport;
        }
    }

    /// <summary>Runs one attempt; what fails before it waits on a stream may be thrown as <see cref="RpcException"/>.</summary>
    public async ValueTask<CallOutcome> CallAsync(StreamCall call, long deadline, CancellationToken cancellationToken)
    {
        var pending = new PendingCall(call, deadline, _options.Time.GetTimestamp());
        if (pending.Bytes > CallBytesMax)
        {
            throw NoriKVException.From(new KvError(
                KvCode.InvalidArgument, $"a request of {pending.Bytes} bytes exceeds {CallBytesMax}"));
        }

        if (pending.Bytes > SharedCallBytesMax)
            return new CallOutcome(await AloneAsync(call, deadline, cancellationToken).ConfigureAwait(false), null);
        CallStream stream = Send(pending);
        // Behind the call, not before it: a sweep that finds nothing pending goes to sleep.
        _wake();
        using CancellationTokenRegistration gaveUp = cancellationToken.CanBeCanceled
            ? cancellationToken.UnsafeRegister(static (state, token) => ((PendingCall)state!).TryCancel(token), pending)
            : default;
        bool isAnswered = false;
        try
        {
            CallOutcome outcome = await pending.Task.ConfigureAwait(false);
            isAnswered = outcome.Failure is null;
            return outcome;
        }
        finally
        {
            if (!isAnswered) stream.Forget(pending);
        }
    }

    /// <summary>Something outside of the streams waits for the node from here on, until <see cref="EndWait"/>.</summary>
    public void BeginWait()
    {
        MoveWaits(1);
        _wake();
    }

    /// <summary>It waits no more.</summary>
    public void EndWait() => MoveWaits(-1);

    /// <summary>
    /// Fails what is past its deadline, and sees to a node that says nothing; says whether anything is pending.
    /// </summary>
    public bool Sweep(long now)
    {
        long oldest = long.MaxValue, heard = Volatile.Read(ref _answeredAt);
        bool pending = false;
        foreach (CallStream? stream in _streams) Sweep(stream);
        if (_retired.Count > 0) SweepRetired(Sweep);
        if (_waits > 0)
        {
            pending = true;
            oldest = Math.Min(oldest, Volatile.Read(ref _waitsMoved));
        }

        if (pending) Listen(Math.Max(oldest, heard), now);
        return pending;

        void Sweep(CallStream? stream)
        {
            if (stream is null) return;
            oldest = Math.Min(oldest, stream.Sweep(now));
            heard = Math.Max(heard, stream.HeardAt);
            pending |= stream.Pending > 0;
        }
    }

    /// <summary>Ends the connection: its calls fail with this error, and so does each that comes.</summary>
    public async ValueTask EndAsync(KvError error)
    {
        Task[] closing;
        lock (_gate)
        {
            _ended ??= error;
            foreach (CallStream stream in _streams.OfType<CallStream>().Concat(_retired))
                _closing.Add(stream.EndAsync(error).AsTask());
            _retired.Clear();
            closing = [.. _closing];
        }

        await _gone.CancelAsync().ConfigureAwait(false);
        await Task.WhenAll(closing).ConfigureAwait(false);
        await _transport.DisposeAsync().ConfigureAwait(false);
    }

    public ValueTask DisposeAsync() => EndAsync(new KvError(KvCode.Cancelled, "the client was disposed"));

    /// <summary>Why a wait was given up when <see cref="Gone"/> was cancelled.</summary>
    public RpcException GoneFailure(Exception inner) =>
        new(_ended ?? new KvError(KvCode.Unavailable, $"the connection to {Address} was closed"), inner is not NotSentException, inner);

    /// <summary>Asks the node whether it serves.</summary>
    public async Task<bool> IsServingAsync(TimeSpan limit, CancellationToken cancellationToken)
    {
        using var any = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, Gone);
        BeginWait();
        try
        {
            return await Transport.IsServingAsync(limit, any.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException e) when (!cancellationToken.IsCancellationRequested)
        {
            throw GoneFailure(e);
        }
        finally
        {
            EndWait();
        }
    }

    private async Task<StreamResult> AloneAsync(StreamCall call, long deadline, CancellationToken cancellationToken)
    {
        TimeSpan left = deadline == long.MaxValue
            ? Timeout.InfiniteTimeSpan
            : _options.Time.GetElapsedTime(_options.Time.GetTimestamp(), deadline);
        using var any = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, Gone);
        BeginWait();
        try
        {
            return await Transport.CallAsync(call, left, any.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException e) when (!cancellationToken.IsCancellationRequested)
        {
            throw GoneFailure(e);
        }
        finally
        {
            EndWait();
        }
    }

    private CallStream Send(PendingCall call)
    {
        int slot = (int)((uint)Interlocked.Increment(ref _next) % (uint)_streams.Length);
        while (true)
        {
            CallStream stream = Volatile.Read(ref _streams[slot]) is { } open && IsFit(open) ? open : Reopen(slot);
            if (stream.TrySend(call)) return stream;
        }
    }

    // A stream that was opened before the cluster was known did not say which one it is for: any node took it.
    private bool IsFit(CallStream stream) => stream.IsOpen && (stream.ClusterId is not null || _cluster.Id is null);

    private CallStream Reopen(int slot)
    {
        lock (_gate)
        {
            ThrowIfEndedLocked();
            if (_streams[slot] is { } old)
            {
                if (IsFit(old)) return old;
                _closing.RemoveAll(static t => t.IsCompleted);
                if (old.IsOpen) _retired.Add(old);
                else _closing.Add(old.DisposeAsync().AsTask());
            }

            INodeTransport transport = Transport;
            // It outlives the operation that it is opened for, and is no part of its trace.
            using AsyncFlowControl? apart = ExecutionContext.IsFlowSuppressed() ? null : ExecutionContext.SuppressFlow();
            var stream = new CallStream(
                transport.OpenPipe(), Address, _options.Time, _options.MessageBytesMax, transport.ClusterId);
            Volatile.Write(ref _streams[slot], stream);
            return stream;
        }
    }

    private void ThrowIfEndedLocked()
    {
        if (_ended is not { } why) return;
        ObjectDisposedException.ThrowIf(why.Code == KvCode.Cancelled, typeof(NoriKVClient));
        throw new RpcException(why, reached: false);
    }

    // A retired stream takes no call; it ends when its last one has.
    private void SweepRetired(Action<CallStream> sweep)
    {
        lock (_gate)
        {
            foreach (CallStream stream in _retired) sweep(stream);
            // Looked at once: one whose last call is answered in between would be forgotten and never closed.
            _retired.RemoveAll(stream =>
            {
                if (stream.Pending > 0) return false;
                _closing.Add(stream.RetireAsync().AsTask());
                return true;
            });
        }
    }

    private void MoveWaits(int by)
    {
        lock (_gate)
        {
            _waits += by;
            _waitsMoved = _options.Time.GetTimestamp();
            if (by < 0) _waitsEndedAt = _waitsMoved;
        }
    }

    private void Listen(long silentSince, long now)
    {
        if (_options.SilenceMax == Timeout.InfiniteTimeSpan) return;
        if (_options.Time.GetElapsedTime(silentSince, now) < _options.SilenceMax) return;
        if (Interlocked.Exchange(ref _asking, 1) == 0) _ = AskAsync();
    }

    // Calls may wait long at a node that is well, for an election say: so it is asked before it is given up.
    private async Task AskAsync()
    {
        await Task.Yield();
        long asked = _options.Time.GetTimestamp();
        // A node with far too much to do may answer calls before the question: that is an answer, too.
        bool answers = await AnswersAsync().ConfigureAwait(false) || HeardSince(asked);
        Volatile.Write(ref _answeredAt, _options.Time.GetTimestamp());
        Volatile.Write(ref _asking, 0);
        if (!answers) _silent(this);
    }

    private bool HeardSince(long time)
    {
        lock (_gate)
        {
            return _streams.OfType<CallStream>().Concat(_retired).Any(s => s.HeardAt > time) || _waitsEndedAt > time;
        }
    }

    private async Task<bool> AnswersAsync()
    {
        try
        {
            await Transport.IsServingAsync(_options.SilenceMax, Gone).ConfigureAwait(false);
            return true;
        }
        catch (RpcException e)
        {
            // Any word of its own is one. The streams of a connection that broke end by themselves.
            return e.Error.Code is not (KvCode.CommitTimeout or KvCode.DeadlineExceeded);
        }
        catch (OperationCanceledException)
        {
            return true; // the connection ends
        }
        catch (ObjectDisposedException)
        {
            return true;
        }
    }
}
