using System.Collections.Concurrent;
using System.Threading.Channels;
using NoriKV.Client.Transport;
using NoriKV.Proto.V1;
using NoriKV.Types;

namespace NoriKV.Client.Pipeline;

/// <summary>
/// One <c>Kv.Stream</c> to one node: a writer that gathers what is waiting into messages, a reader that settles what
/// comes back. When the stream ends, every call on it fails at once and the stream is used no more.
/// </summary>
/// <remarks>Thread-safe. Bounded by the client's limit of operations in flight.</remarks>
internal sealed class CallStream : IAsyncDisposable
{
    // As many as a node works on. What is sent beyond that waits in the network's buffers, where it grows old without anybody
    // knowing how old; here its deadline is known, and what is given up is not sent.
    private const int OutstandingMax = 1024;

    // Calls wait in the order in which they came. Where more is asked of a node than it can do, all that it was sent would be about to be
    // too late, and much of its work for nothing: so what is likely to take more than this share of its time is not sent (decision 0222).
    private const double WaitShareMax = 0.8;

    // So few that those which were left are sent after all.
    private const int FewOutstanding = OutstandingMax / 2;

    private readonly ICallPipe _pipe;
    private readonly string _address;
    private readonly TimeProvider _time;
    private readonly int _messageBytesMax;
    private readonly ConcurrentDictionary<ulong, PendingCall> _pending = new();

    // Never disposed: both sides may end while the first failure is still on its way to cancelling it. It has neither timer
    // nor wait handle, so there is nothing to give back.
    private readonly CancellationTokenSource _stop = new();

    private readonly Channel<PendingCall> _waiting =
        Channel.CreateUnbounded<PendingCall>(new UnboundedChannelOptions { SingleReader = true });

    private readonly Lock _encoding = new(); // held while keys and values are read: behind a call they are its caller's again
    private readonly SemaphoreSlim _answered = new(0, 1);
    private readonly AnswerPace _pace = new(OutstandingMax);
    private readonly Task _running;
    private int _ahead; // to be sent, or sent and not answered
    private bool _hasLeft; // perhaps some were left
    private int _outstanding; // sent and not answered, also those that were given up since
    private ulong _lastId;
    private long _heardAt;
    private volatile bool _failed;

    public CallStream(ICallPipe pipe, string address, TimeProvider time, int messageBytesMax, string? clusterId)
    {
        _pipe = pipe;
        _address = address;
        _time = time;
        _messageBytesMax = messageBytesMax;
        ClusterId = clusterId;
        _running = RunAsync();
    }

    /// <summary>Which cluster the node was told that its calls are for; null for whichever it is of.</summary>
    public string? ClusterId { get; }

    /// <summary>When the last answer came; a timestamp.</summary>
    public long HeardAt => Volatile.Read(ref _heardAt);

    /// <summary>False once the stream is over.</summary>
    public bool IsOpen => !_failed;

    /// <summary>Calls that wait for their answer.</summary>
    public int Pending => _pending.Count;

    /// <summary>Takes a call; false when the stream is over and the call was not taken.</summary>
    public bool TrySend(PendingCall call)
    {
        if (_failed) return false;
        ulong id = call.Message.Id = Interlocked.Increment(ref _lastId);
        _pending[id] = call;
        // Fail sets _failed before it drains: a call added behind the drain sees it here and takes itself back.
        if (_failed && _pending.TryRemove(id, out _)) return false;
        if (!IsLeft(call)) Queue(call);
        return true;
    }

    /// <summary>
    /// Forgets a call that has failed, or whose caller gave up; a late answer is dropped, and nothing reads its bytes any more.
    /// </summary>
    public void Forget(PendingCall call)
    {
        _pending.TryRemove(call.Message.Id, out _);
        // Whoever encodes now may have it; who comes later may not send it any more.
        _encoding.Enter();
        _encoding.Exit();
    }

    /// <summary>Fails the calls whose deadline has passed; says when the oldest of the others began.</summary>
    public long Sweep(long now)
    {
        long oldest = long.MaxValue, took = 0;
        int noted = 0;
        foreach ((ulong id, PendingCall call) in _pending)
        {
            if (call.Deadline > now)
            {
                oldest = Math.Min(oldest, call.Begun);
                continue;
            }

            if (!_pending.TryRemove(id, out _)) continue;
            // At least so long: of those that are answered in time alone, a node that is far too slow would look quick.
            if (!call.TryKeep()) (took, noted) = (took + now - call.SentAt, noted + 1);
            call.TryFail(Late(call), reached: true);
        }

        _pace.Note(took, noted);
        return oldest;
    }

    /// <summary>Ends the stream; its calls fail with this error.</summary>
    public async ValueTask EndAsync(KvError error)
    {
        Fail(error, reached: true, null);
        await _running.ConfigureAwait(false);
    }

    /// <summary>Ends a stream whose calls are all answered; one that came to it in that moment goes to another stream.</summary>
    public ValueTask RetireAsync() =>
        EndAsync(new KvError(KvCode.Unavailable, $"the stream to {_address} was replaced by one that names the cluster"));

    public ValueTask DisposeAsync() => EndAsync(new KvError(KvCode.Cancelled, "the client was disposed"));

    private KvError Late(PendingCall call)
    {
        if (call.Sent) return new KvError(KvCode.CommitTimeout, "no answer before the deadline");
        string why = call.Crowd is { } crowd
            ? $": {crowd.Ahead} others waited for {_address}, for about {crowd.Expected.TotalMilliseconds:0} ms"
            : "";
        return _pipe.Stands.IsCompleted
            ? new KvError(KvCode.DeadlineExceeded, $"the deadline passed before it was sent{why}")
            : new KvError(KvCode.Unavailable, $"no connection to {_address} before the deadline");
    }

    private async Task RunAsync()
    {
        await Task.Yield();
        Task writing = GuardAsync(WriteAllAsync()), reading = GuardAsync(ReadAllAsync());
        await Task.WhenAny(writing, reading).ConfigureAwait(false);
        // The other side may wait for a node that says nothing: resetting the call ends that too.
        await _pipe.DisposeAsync().ConfigureAwait(false);
        await Task.WhenAll(writing, reading).ConfigureAwait(false);
    }

    private async Task GuardAsync(Task side)
    {
        try
        {
            await side.ConfigureAwait(false);
            Fail(new KvError(KvCode.Unavailable, "the node closed the stream"), reached: true, null);
        }
        catch (RpcException e)
        {
            Fail(e.Error, e.Reached, e);
        }
        catch (OperationCanceledException e)
        {
            Fail(new KvError(KvCode.Unavailable, "the stream was closed"), reached: true, e);
        }
#pragma warning disable CA1031 // Whatever a transport throws ends this stream; its calls carry it on.
        catch (Exception e)
#pragma warning restore CA1031
        {
            Fail(new KvError(KvCode.Unavailable, $"the stream broke: {e.Message}"), reached: true, e);
        }
    }

    private void Fail(KvError error, bool reached, Exception? inner)
    {
        lock (_waiting)
        {
            if (_failed) return;
            _failed = true;
        }

        _waiting.Writer.TryComplete();
        foreach ((ulong id, PendingCall call) in _pending)
        {
            if (_pending.TryRemove(id, out _)) call.TryFail(error, reached, inner);
        }

        _stop.Cancel();
    }

    // Hot path: one message for all that is waiting; nothing per call but its entry in the message.
    private async Task WriteAllAsync()
    {
        await _pipe.Stands.WaitAsync(_stop.Token).ConfigureAwait(false);
        ChannelReader<PendingCall> waiting = _waiting.Reader;
        while (await waiting.WaitToReadAsync(_stop.Token).ConfigureAwait(false))
        {
            int room = OutstandingMax - Volatile.Read(ref _outstanding);
            if (room <= 0)
            {
                await _answered.WaitAsync(_stop.Token).ConfigureAwait(false);
                continue;
            }

            ValueTask writing;
            // A pipe encodes before it waits for anything.
            lock (_encoding) writing = WriteNext(waiting, room);
            await writing.ConfigureAwait(false);
        }
    }

    private ValueTask WriteNext(ChannelReader<PendingCall> waiting, int room)
    {
        var request = new StreamRequest();
        long now = _time.GetTimestamp();
        int bytes = 0;
        while (request.Calls.Count < room && waiting.TryPeek(out PendingCall? call)
            && (bytes == 0 || bytes + call.Bytes <= _messageBytesMax))
        {
            waiting.TryRead(out _);
            call.Message.TimeoutMs = TimeoutMs(call.Deadline, now);
            if (!call.TrySend(now))
            {
                Interlocked.Decrement(ref _ahead);
                continue;
            }

            bytes += call.Bytes;
            request.Calls.Add(call.Message);
        }

        if (bytes == 0)
        {
            // All of them were given up: no answer may follow that would see to those which were left.
            SendLeft(now);
            return default;
        }

        Interlocked.Add(ref _outstanding, request.Calls.Count);
        return _pipe.WriteAsync(request);
    }

    private void Queue(PendingCall call)
    {
        Interlocked.Increment(ref _ahead);
        _waiting.Writer.TryWrite(call);
    }

    // True when it is left unsent, to its deadline or until fewer wait: it would hardly be answered in time behind so many others. Its
    // caller is not told before: whoever is told begins something else at once, and where too much is asked there is too much of that, too.
    private bool IsLeft(PendingCall call)
    {
        int ahead = Volatile.Read(ref _ahead);
        long expected = _pace.Expect(ahead);
        if (expected <= WaitShareMax * (call.Deadline - call.Begun)) return false;
        call.Leave(new Crowd(ahead, _time.GetElapsedTime(0, expected)));
        Volatile.Write(ref _hasLeft, true);
        Interlocked.MemoryBarrier();
        // The last answer may have come meanwhile, and nobody looks any more.
        return Volatile.Read(ref _ahead) > FewOutstanding || !call.TryTakeBack();
    }

    // Behind a node that stood still for a while, say.
    private void SendLeft(long now)
    {
        Interlocked.MemoryBarrier();
        if (Volatile.Read(ref _ahead) > FewOutstanding || !Volatile.Read(ref _hasLeft)) return;
        Volatile.Write(ref _hasLeft, false);
        foreach ((_, PendingCall call) in _pending)
        {
            if (call.Crowd is null || call.Deadline <= now) continue;
            if (Volatile.Read(ref _ahead) >= OutstandingMax)
            {
                Volatile.Write(ref _hasLeft, true);
                return;
            }

            if (call.TryTakeBack()) Queue(call);
        }
    }

    private async Task ReadAllAsync()
    {
        await foreach (StreamResponse response in _pipe.ReadAsync(_stop.Token).ConfigureAwait(false))
        {
            long now = _time.GetTimestamp(), took = 0;
            int noted = 0;
            Volatile.Write(ref _heardAt, now);
            Interlocked.Add(ref _ahead, -response.Results.Count);
            // From full to not full: only then may the writer wait.
            int left = Interlocked.Add(ref _outstanding, -response.Results.Count);
            bool wasFull = left < OutstandingMax && left + response.Results.Count >= OutstandingMax;
            if (wasFull && _answered.CurrentCount == 0) _answered.Release();
            foreach (StreamResult result in response.Results)
            {
                if (!_pending.TryRemove(result.Id, out PendingCall? call)) continue;
                // A refusal comes at once: it says nothing of how long those wait that are taken.
                if (result.ResultCase != StreamResult.ResultOneofCase.Error) (took, noted) = (took + now - call.SentAt, noted + 1);
                call.TryComplete(result);
            }

            _pace.Note(took, noted);
            SendLeft(now);
        }
    }

    private uint TimeoutMs(long deadline, long now)
    {
        if (deadline == long.MaxValue) return int.MaxValue;
        double ms = _time.GetElapsedTime(now, deadline).TotalMilliseconds;
        return (uint)Math.Clamp(Math.Ceiling(ms), 1, int.MaxValue);
    }
}
