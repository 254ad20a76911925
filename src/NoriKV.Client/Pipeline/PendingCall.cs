using NoriKV.Client.Transport;
using NoriKV.Client.Wire;
using NoriKV.Proto.V1;
using NoriKV.Types;

namespace NoriKV.Client.Pipeline;

/// <summary>One attempt of an operation on a stream: settled exactly once, by its answer or by what went wrong.</summary>
internal sealed class PendingCall(StreamCall message, long deadline, long begun)
{
    // Continuations run elsewhere: the loop that completes calls must not run its callers' code.
    private readonly TaskCompletionSource<CallOutcome> _source = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private const long Kept = -1;

    private Crowd? _crowd;
    private long _sentAt; // 0 while nobody knows yet; one of those who ask decides, once

    public StreamCall Message { get; } = message;

    /// <summary>About what it takes on the wire.</summary>
    public int Bytes { get; } = Requests.Bytes(message);

    /// <summary>A timestamp of the client's clock; <see cref="long.MaxValue"/> for none.</summary>
    public long Deadline { get; } = deadline;

    /// <summary>When it was made; a timestamp of the same clock.</summary>
    public long Begun { get; } = begun;

    /// <summary>From here on it may have been done.</summary>
    public bool Sent => SentAt > 0;

    /// <summary>When its bytes were about to be handed over, a timestamp of the same clock; not above 0 where they were not.</summary>
    public long SentAt => Volatile.Read(ref _sentAt);

    /// <summary>What it is left unsent for; null where it is not.</summary>
    public Crowd? Crowd => Volatile.Read(ref _crowd);

    public Task<CallOutcome> Task => _source.Task;

    /// <summary>
    /// Its bytes are about to be handed over; false where they must not be, since its caller was told that they were not.
    /// </summary>
    public bool TrySend(long now) => Interlocked.CompareExchange(ref _sentAt, Math.Max(1, now), 0) == 0;

    /// <summary>From here on it is not sent; false where it was, or is about to be.</summary>
    public bool TryKeep() => Interlocked.CompareExchange(ref _sentAt, Kept, 0) <= 0;

    /// <summary>Leaves it unsent, for now.</summary>
    public void Leave(Crowd crowd) => Volatile.Write(ref _crowd, crowd);

    /// <summary>Sends it after all: true for one of those who ask.</summary>
    public bool TryTakeBack() => Interlocked.Exchange(ref _crowd, null) is not null;

    public bool TryComplete(StreamResult result) => _source.TrySetResult(new CallOutcome(result, null));

    public bool TryFail(KvError error, bool reached, Exception? inner = null)
    {
        bool isKept = TryKeep();
        return _source.TrySetResult(new CallOutcome(null, new RpcException(error, reached && !isKept, inner)));
    }

    public bool TryCancel(CancellationToken cancellationToken)
    {
        TryKeep();
        return _source.TrySetCanceled(cancellationToken);
    }
}

/// <summary>So many calls were before it, and it was expected to take so long behind them.</summary>
internal sealed record Crowd(int Ahead, TimeSpan Expected);
