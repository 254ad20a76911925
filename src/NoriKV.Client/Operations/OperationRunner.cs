using NoriKV.Client.Pipeline;
using NoriKV.Client.Retry;
using NoriKV.Client.Routing;
using NoriKV.Client.Transport;
using NoriKV.Client.Wire;
using NoriKV.Proto.V1;
using NoriKV.Types;

namespace NoriKV.Client.Operations;

/// <summary>Runs operations to their end: attempt, judge, wait, attempt again, all within one deadline.</summary>
/// <remarks>Thread-safe.</remarks>
internal sealed class OperationRunner(
    NodePool nodes, Router router, Backoff backoff, NoriKVClientOptions options, CancellationToken disposed)
{
    // Below this there is no time for another round trip.
    private static readonly TimeSpan LeastTime = TimeSpan.FromMilliseconds(10);

    private readonly TimeProvider _time = options.Time;

    /// <summary>The timestamp by which an operation that begins now must end.</summary>
    public long DeadlineFromNow() => options.Deadline == Timeout.InfiniteTimeSpan
        ? long.MaxValue
        : _time.GetTimestamp() + (long)(options.Deadline.TotalSeconds * _time.TimestampFrequency);

    /// <summary>Runs an operation.</summary>
    /// <param name="call">What to send; copied for each attempt.</param>
    /// <param name="key">What to route by.</param>
    /// <param name="writes">Whether a lost answer leaves the outcome unknown.</param>
    /// <param name="deadline">From <see cref="DeadlineFromNow"/>.</param>
    /// <param name="cancellationToken">The caller gave up.</param>
    /// <exception cref="NoriKVException">It was not done, or nobody knows.</exception>
    public async ValueTask<StreamResult> RunAsync(
        StreamCall call, ReadOnlyMemory<byte> key, bool writes, long deadline, CancellationToken cancellationToken)
    {
        bool perhapsDone = false;
        string? hint = null;
        for (int attempt = 0; ; attempt++)
        {
            string address = router.Pick(key.Span, attempt, hint);
            KvError error;
            RpcException? cause = null;
            try
            {
                StreamResult result = await nodes.Get(address)
                    .CallAsync(Attempt(call), deadline, cancellationToken).ConfigureAwait(false);
                router.Reached(address);
                if (result.ResultCase is not (StreamResult.ResultOneofCase.Error or StreamResult.ResultOneofCase.None))
                {
                    backoff.Succeeded();
                    return result;
                }

                error = result.Error is { } status
                    ? StatusMapping.ToError(status)
                    : new KvError(KvCode.Internal, $"{address} answered an empty result");
            }
            catch (RpcException e)
            {
                (error, cause) = (e.Error, e);
                if (e.Reached) perhapsDone |= IsRetriable(error.Code);
                else if (error.Code == KvCode.Unavailable) router.Unreachable(address);
            }

            perhapsDone |= error.Code == KvCode.CommitTimeout;
            if (!(cause?.IsRetriable ?? IsRetriable(error.Code))) throw NoriKVException.From(error, cause);
            TimeSpan? wait = attempt + 1 < options.Retry.AttemptsMax ? NextWait(attempt, error, hint, deadline) : null;
            if (wait is null) throw Final(error, writes, perhapsDone, attempt + 1, address, cause);
            hint = error.LeaderHint;
            await DelayAsync(wait.Value, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Asks a node that can be reached whether it serves.</summary>
    public async ValueTask<bool> IsServingAsync(long deadline, CancellationToken cancellationToken)
    {
        for (int attempt = 0; ; attempt++)
        {
            string address = router.Pick(default, attempt, null);
            RpcException cause;
            try
            {
                TimeSpan left = deadline == long.MaxValue
                    ? Timeout.InfiniteTimeSpan
                    : _time.GetElapsedTime(_time.GetTimestamp(), deadline);
                return await nodes.Get(address).Transport.IsServingAsync(left, cancellationToken).ConfigureAwait(false);
            }
            catch (RpcException e)
            {
                cause = e;
                if (!e.Reached) router.Unreachable(address);
            }

            if (!cause.IsRetriable) throw NoriKVException.From(cause.Error, cause);
            TimeSpan? wait = attempt + 1 < options.Retry.AttemptsMax ? NextWait(attempt, cause.Error, null, deadline) : null;
            if (wait is null) throw Final(cause.Error, false, false, attempt + 1, address, cause);
            await DelayAsync(wait.Value, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Waits before another attempt; ends early when the client is disposed.</summary>
    public async Task DelayAsync(TimeSpan wait, CancellationToken cancellationToken)
    {
        if (wait <= TimeSpan.Zero) return;
        using var any = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, disposed);
        try
        {
            await Task.Delay(wait, _time, any.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw NoriKVException.From(new KvError(KvCode.Cancelled, "the client was disposed"));
        }
    }

    /// <summary>True for what another attempt, perhaps elsewhere, may get done.</summary>
    public static bool IsRetriable(KvCode code) => code is KvCode.NotLeader or KvCode.QuorumUnavailable
        or KvCode.Unavailable or KvCode.Overloaded or KvCode.CommitTimeout or KvCode.DeadlineExceeded;

    // Null when no further attempt fits before the deadline.
    private TimeSpan? NextWait(int attempt, KvError error, string? previousHint, long deadline)
    {
        // A fresh hint is followed at once; the same one again means that the cluster is still deciding.
        TimeSpan wait = error.LeaderHint is { } hint && hint != previousHint
            ? TimeSpan.Zero
            : backoff.NextWait(attempt, error.RetryAfter);
        if (deadline == long.MaxValue) return wait;
        TimeSpan left = _time.GetElapsedTime(_time.GetTimestamp(), deadline);
        if (left < LeastTime || error.RetryAfter > left) return null;
        // A long wait near the end is halved, so that the last moments are used and not slept through.
        return wait < left / 2 ? wait : left / 2;
    }

    private static NoriKVException Final(
        KvError error, bool writes, bool perhapsDone, int attempts, string address, Exception? cause)
    {
        string tried = $"(after {attempts} attempt{(attempts == 1 ? "" : "s")}, last at {address})";
        if (writes && perhapsDone)
        {
            return NoriKVException.From(
                new KvError(KvCode.CommitTimeout, $"COMMIT_TIMEOUT: the outcome is unknown {tried}: {error.Message}"), cause);
        }

        // A read has no outcome to be unknown.
        KvCode code = error.Code == KvCode.CommitTimeout ? KvCode.DeadlineExceeded : error.Code;
        return NoriKVException.From(error with { Code = code, Message = $"{error.Message} {tried}" }, cause);
    }

    // A failed stream may still be reading its message, so each attempt has its own; the request inside is shared.
    private static StreamCall Attempt(StreamCall call) => call.CallCase switch
    {
        StreamCall.CallOneofCase.Put => new StreamCall { Put = call.Put },
        StreamCall.CallOneofCase.Get => new StreamCall { Get = call.Get },
        StreamCall.CallOneofCase.Delete => new StreamCall { Delete = call.Delete },
        _ => new StreamCall { Batch = call.Batch },
    };
}
