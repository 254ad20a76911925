using NoriKV.Client.Pipeline;
using NoriKV.Client.Retry;
using NoriKV.Client.Routing;
using NoriKV.Client.Tracing;
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

    // Timers take no more than 2^32 - 2 milliseconds.
    private static readonly TimeSpan TimerMax = TimeSpan.FromMilliseconds(uint.MaxValue - 1);

    // Longer is no deadline.
    private static readonly TimeSpan LongestTime = TimeSpan.FromDays(365);

    // Nodes that name each other as leaders would keep a client running in a circle: behind so many hints it waits.
    private const int HintsAtOnceMax = 2;

    private readonly TimeProvider _time = options.Time;
    private readonly HedgeBudget _hedges = new(options.HedgeShareMax);

    /// <summary>The timestamp by which an operation that begins now and may take so long must end.</summary>
    public long DeadlineFromNow(TimeSpan limit) => limit == Timeout.InfiniteTimeSpan || limit >= LongestTime
        ? long.MaxValue
        : _time.GetTimestamp() + (long)(limit.TotalSeconds * _time.TimestampFrequency);

    /// <summary>Runs an operation.</summary>
    /// <param name="call">What to send; copied for each attempt.</param>
    /// <param name="key">What to route by.</param>
    /// <param name="writes">Whether a lost answer leaves the outcome unknown.</param>
    /// <param name="deadline">From <see cref="DeadlineFromNow"/>.</param>
    /// <param name="cancellationToken">The caller gave up.</param>
    /// <exception cref="NoriKVException">The client was disposed.</exception>
    public ValueTask<OperationOutcome> RunAsync(
        StreamCall call, ReadOnlyMemory<byte> key, bool writes, long deadline, CancellationToken cancellationToken) =>
        call.CallCase == StreamCall.CallOneofCase.Batch
            ? RunBatchAsync(call, key, writes, deadline, cancellationToken)
            : RunAsync(call, null, key, writes, deadline, cancellationToken);

    // What was answered is kept, however the rest ends: the operations say what came of each.
    private async ValueTask<OperationOutcome> RunBatchAsync(
        StreamCall call, ReadOnlyMemory<byte> key, bool writes, long deadline, CancellationToken cancellationToken)
    {
        var parts = new BatchParts(call.Batch);
        OperationOutcome outcome;
        try
        {
            outcome = await RunAsync(call, parts, key, writes, deadline, cancellationToken).ConfigureAwait(false);
        }
        catch (NoriKVException e)
        {
            outcome = OperationOutcome.Failed(e);
        }

        return outcome.Failure is { } failure && parts.HasAnswer && failure.Code != KvCode.Cancelled
            ? OperationOutcome.Done(parts.End(failure.Error))
            : outcome;
    }

    private async ValueTask<OperationOutcome> RunAsync(
        StreamCall call, BatchParts? parts, ReadOnlyMemory<byte> key, bool writes, long deadline, CancellationToken cancellationToken)
    {
        bool perhapsDone = false;
        string? hint = null;
        int followed = 0;
        for (int number = 0; ; number++)
        {
            string address = router.Pick(key.Span, number, hint);
            if (router.Refusal(address) is { } refusal)
                return OperationOutcome.Failed(Conclusion(refusal, writes && perhapsDone, number, address, null));
            Attempt attempt = writes || options.HedgeReadsAfter is null
                ? await AttemptAsync(address, call, false, deadline, cancellationToken).ConfigureAwait(false)
                : await HedgedAsync(address, call, deadline, cancellationToken).ConfigureAwait(false);
            if (parts is not null) attempt = parts.Checked(attempt);
            KvError? open = null;
            if (attempt.Result is { } result)
            {
                StreamResult? whole = result;
                if (parts is not null) open = parts.Take(result.Batch, perhapsDone, out whole);
                if (open is null) return OperationOutcome.Done(whole!);
            }

            KvError error = open ?? attempt.Error!;
            RpcException? cause = attempt.Cause;
            // What the node itself says of an operation is exact; of a call or stream that broke nobody knows.
            bool said = cause is null || cause.Said;
            bool retriable = cause?.IsRetriable ?? IsRetriable(error.Code);
            perhapsDone |= said ? error.Code == KvCode.CommitTimeout : cause!.Reached && retriable;
            if (IsForeign(error))
            {
                // Refused before it was looked at; another node may be of our cluster.
                hint = null;
                continue;
            }

            if (!retriable)
                return OperationOutcome.Failed(Conclusion(error, writes && perhapsDone, number + 1, attempt.Address, cause));
            followed = error.LeaderHint is { } named && named != hint ? followed + 1 : 0;
            TimeSpan? wait = number + 1 < options.Retry.AttemptsMax
                ? NextWait(number, error, followed is > 0 and <= HintsAtOnceMax, deadline)
                : null;
            if (wait is null) return OperationOutcome.Failed(Final(error, writes, perhapsDone, number + 1, attempt.Address, cause));
            if (wait > TimeSpan.Zero) followed = 0;
            hint = error.LeaderHint;
            await DelayAsync(wait.Value, cancellationToken).ConfigureAwait(false);
            if (IsPast(deadline))
                return OperationOutcome.Failed(Final(error, writes, perhapsDone, number + 1, attempt.Address, cause));
        }
    }

    /// <summary>Asks a node that can be reached whether it serves.</summary>
    public async ValueTask<bool> IsServingAsync(long deadline, CancellationToken cancellationToken)
    {
        for (int attempt = 0; ; attempt++)
        {
            string address = router.Pick(default, attempt, null);
            router.ThrowIfForeign(address);
            RpcException cause;
            try
            {
                TimeSpan left = deadline == long.MaxValue
                    ? Timeout.InfiniteTimeSpan
                    : _time.GetElapsedTime(_time.GetTimestamp(), deadline);
                return await nodes.Get(address).IsServingAsync(left, cancellationToken).ConfigureAwait(false);
            }
            catch (RpcException e)
            {
                cause = e;
                if (!e.Reached) router.Unreachable(address);
            }

            if (!cause.IsRetriable) throw NoriKVException.From(cause.Error, cause);
            TimeSpan? wait = attempt + 1 < options.Retry.AttemptsMax ? NextWait(attempt, cause.Error, false, deadline) : null;
            if (wait is null) throw Final(cause.Error, false, false, attempt + 1, address, cause);
            await DelayAsync(wait.Value, cancellationToken).ConfigureAwait(false);
            if (IsPast(deadline)) throw Final(cause.Error, false, false, attempt + 1, address, cause);
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

    /// <summary>What is left until a deadline, as timers take it: 49 days at most.</summary>
    public TimeSpan Left(long deadline) => Left(deadline, _time);

    /// <inheritdoc cref="Left(long)"/>
    public static TimeSpan Left(long deadline, TimeProvider time)
    {
        if (deadline == long.MaxValue) return Timeout.InfiniteTimeSpan;
        TimeSpan left = time.GetElapsedTime(time.GetTimestamp(), deadline);
        return left > TimerMax ? TimerMax : left > TimeSpan.Zero ? left : TimeSpan.Zero;
    }

    /// <summary>True for what another attempt, perhaps elsewhere, may get done.</summary>
    public static bool IsRetriable(KvCode code) => code is KvCode.NotLeader or KvCode.QuorumUnavailable
        or KvCode.Unavailable or KvCode.Overloaded or KvCode.CommitTimeout or KvCode.DeadlineExceeded;

    /// <summary>True for an answer that looked at the key: it says what came of the attempts before, too.</summary>
    public static bool IsDecided(KvCode code) => code is KvCode.VersionMismatch or KvCode.AlreadyExists;

    /// <summary>A read has no outcome to be unknown, nor has what was never sent.</summary>
    public static KvError OfRead(KvError error) => error.Code != KvCode.CommitTimeout ? error : error with
    {
        Code = KvCode.DeadlineExceeded,
        Message = error.Message.Replace("COMMIT_TIMEOUT: ", "", StringComparison.Ordinal),
    };

    /// <summary>True where a node of another cluster answered.</summary>
    public static bool IsForeign(KvError error) => error.Code == KvCode.FailedPrecondition
        && error.Message.Contains(ClusterIdentity.MismatchWord, StringComparison.Ordinal);

    private async ValueTask<Attempt> AttemptAsync(
        string address, StreamCall call, bool isHedge, long deadline, CancellationToken cancellationToken)
    {
        ClientSpans.Attempt(address, isHedge);
        CallOutcome outcome;
        try
        {
            outcome = await nodes.Get(address).CallAsync(Copy(call), deadline, cancellationToken).ConfigureAwait(false);
        }
        catch (RpcException e)
        {
            outcome = new CallOutcome(null, e);
        }

        if (outcome.Result is not null) router.Reached(address);
        else if (!outcome.Failure!.Reached && outcome.Failure.Error.Code == KvCode.Unavailable) router.Unreachable(address);
        Attempt attempt = outcome.Result is { } answer ? Attempt.Answered(address, answer) : Attempt.Failed(address, outcome.Failure!);
        if (attempt.Result is not null) backoff.Succeeded();
        else Failed(address, attempt.Error!);
        return attempt;
    }

    private void Failed(string address, KvError error)
    {
        ClientSpans.Failed(address, error.Code);
        if (IsForeign(error)) router.Foreign(address, error.Message);
    }

    // The first answer wins; a failure counts only when both have failed.
    private async ValueTask<Attempt> HedgedAsync(
        string address, StreamCall call, long deadline, CancellationToken cancellationToken)
    {
        _hedges.Earn();
        using var loser = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        Task<Attempt> first = AttemptAsync(address, call, false, deadline, loser.Token).AsTask();
        Task slow = Task.Delay(options.HedgeReadsAfter!.Value, _time, loser.Token);
        try
        {
            if (await Task.WhenAny(first, slow).ConfigureAwait(false) == first || router.PickBeside(address) is not { } other
                || !_hedges.TrySpend()) return await first.ConfigureAwait(false);
            Task<Attempt> second = AttemptAsync(other, call, true, deadline, loser.Token).AsTask();
            Task<Attempt> earlier = await Task.WhenAny(first, second).ConfigureAwait(false);
            Attempt attempt = await earlier.ConfigureAwait(false);
            return attempt.Result is null ? await (earlier == first ? second : first).ConfigureAwait(false) : attempt;
        }
        finally
        {
            await loser.CancelAsync().ConfigureAwait(false);
        }
    }

    /// <summary>How long to wait before the next attempt; null when none fits before the deadline.</summary>
    public TimeSpan? NextWait(int attempt, KvError error, bool follow, long deadline)
    {
        // A fresh hint is followed at once; the same one again means that the cluster is still deciding.
        TimeSpan wait = follow ? TimeSpan.Zero : backoff.NextWait(attempt, error.RetryAfter);
        if (deadline == long.MaxValue) return wait;
        TimeSpan left = _time.GetElapsedTime(_time.GetTimestamp(), deadline);
        if (left < LeastTime || error.RetryAfter > left) return null;
        // A long wait near the end is halved, so that the last moments are used and not slept through.
        return wait < left / 2 ? wait : left / 2;
    }

    // A busy machine may sleep past the deadline: an attempt begun then could only make unknown what is known.
    public bool IsPast(long deadline) => deadline <= _time.GetTimestamp();

    // What an operation ends with that is not tried again. Where an attempt before may have been done, only an answer that looked at the
    // key says what came of it: a refusal, or a node of another cluster, knows nothing of that attempt. Cancelled leaves it open by itself.
    private static NoriKVException Conclusion(KvError error, bool unknown, int attempts, string address, Exception? cause) =>
        unknown && !IsDecided(error.Code) && error.Code != KvCode.Cancelled
            ? Final(error, true, true, attempts, address, cause)
            : NoriKVException.From(error, cause);

    private static NoriKVException Final(
        KvError error, bool writes, bool perhapsDone, int attempts, string address, Exception? cause)
    {
        string tried = $"(after {attempts} attempt{(attempts == 1 ? "" : "s")}, last at {address})";
        if (writes && perhapsDone)
        {
            return NoriKVException.From(
                error with { Code = KvCode.CommitTimeout, Message = $"COMMIT_TIMEOUT: the outcome is unknown {tried}: {error.Message}" },
                cause);
        }

        return NoriKVException.From(OfRead(error with { Message = $"{error.Message} {tried}" }), cause);
    }

    // A failed stream may still be reading its message, so each attempt has its own; the request inside is shared.
    private static StreamCall Copy(StreamCall call)
    {
        StreamCall copy = call.CallCase switch
        {
            StreamCall.CallOneofCase.Put => new StreamCall { Put = call.Put },
            StreamCall.CallOneofCase.Get => new StreamCall { Get = call.Get },
            StreamCall.CallOneofCase.Delete => new StreamCall { Delete = call.Delete },
            _ => new StreamCall { Batch = call.Batch },
        };
        if (ClientSpans.Context is { } context) copy.Traceparent = context;
        return copy;
    }
}
