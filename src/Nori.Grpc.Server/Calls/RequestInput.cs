using System.Buffers;
using System.IO.Pipelines;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Http;

namespace Nori.Grpc.Server;

/// <summary>Reads the messages of a request within the server's bounds on size, time and memory.</summary>
// Hot path: a message that is here already is parsed from Kestrel's buffers, with no timer and no copy.
internal sealed class RequestInput(ServerCallContext context)
{
    /// <summary>
    /// Messages up to this size are not charged once complete: handling them is bounded by the calls.
    /// </summary>
    public const int SmallBytes = 64 * 1024;

    private readonly GrpcServerOptions _options = context.Dispatcher.Options;
    private readonly PipeReader _body = context.HttpContext.Request.BodyReader;
    private readonly Lock _endLock = new(); // Guards _isReading and _readEnded.
    private long _charged;
    private bool _isReading;
    private TaskCompletionSource? _readEnded;

    /// <summary>The one message of a request, and its end.</summary>
    public async ValueTask<T> ReadSingleAsync<T>(Marshaller<T> marshaller)
    {
        try
        {
            return await ReadSingleCoreAsync(marshaller).ConfigureAwait(false);
        }
        catch (Exception e) when (IsClientGone(e))
        {
            throw context.ClientLeft(e);
        }
    }

    /// <summary>The next of many messages; false at their end.</summary>
    public async ValueTask<(bool Found, T Message)> ReadAsync<T>(Marshaller<T> marshaller, CancellationToken cancellationToken)
    {
        lock (_endLock) _isReading = true;
        try
        {
            return await ReadCoreAsync(marshaller, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception e) when (IsClientGone(e))
        {
            throw context.ClientLeft(e);
        }
        finally
        {
            TaskCompletionSource? ended;
            lock (_endLock) (_isReading, ended) = (false, _readEnded);
            ended?.TrySetResult();
        }
    }

    /// <summary>
    /// Ends a read that the handler left behind, and waits until it has ended: Kestrel gives the stream's pipe to the next call of the
    /// connection, whose first read would find one under way.
    /// </summary>
    public Task EndReadAsync()
    {
        lock (_endLock)
        {
            if (!_isReading) return Task.CompletedTask;
            _readEnded = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        }

        CancelRead(_body);
        return _readEnded.Task;
    }

    /// <summary>Gives back what the messages read so far were charged.</summary>
    public void Release()
    {
        if (_charged == 0) return;
        context.Dispatcher.Budget.Release(_charged);
        _charged = 0;
    }

    /// <summary>
    /// Ends a read that waits. The body of a request that was aborted throws instead: its read has ended with that, and a server that
    /// stops and cancels many calls must not be kept from it by one of them.
    /// </summary>
    internal static void CancelRead(PipeReader body)
    {
        try
        {
            body.CancelPendingRead();
        }
        catch (Exception e) when (IsClientGone(e))
        {
        }
    }

    private async ValueTask<T> ReadSingleCoreAsync<T>(Marshaller<T> marshaller)
    {
        T message = default!;
        bool found = false;
        while (true)
        {
            if (!_body.TryRead(out ReadResult read))
                read = await ReadWithinAsync(_options.ReceiveTimeout - context.Elapsed).ConfigureAwait(false);
            ReadOnlySequence<byte> rest = read.Buffer;
            if (!found)
            {
                FrameOutcome outcome = TryRead(ref rest, out ReadOnlySequence<byte> bytes);
                if (outcome == FrameOutcome.Message)
                {
                    message = Parse(marshaller, bytes);
                    found = true;
                }
            }

            if (found && !rest.IsEmpty)
                throw new GrpcException(GrpcStatusCode.Unimplemented, "The request has more than one message.");
            if (read.IsCompleted)
            {
                bool truncated = !rest.IsEmpty;
                _body.AdvanceTo(rest.End);
                if (found) return message;
                if (truncated) throw Truncated();
                throw new GrpcException(GrpcStatusCode.Unimplemented, "The request has no message.");
            }

            _body.AdvanceTo(rest.Start, rest.End);
        }
    }

    private async ValueTask<(bool Found, T Message)> ReadCoreAsync<T>(Marshaller<T> marshaller, CancellationToken cancellationToken)
    {
        long partialSince = 0;
        Release();
        while (true)
        {
            if (!_body.TryRead(out ReadResult read))
            {
                // Between messages a client may be silent for as long as it likes; inside one it may not.
                using CancellationTokenRegistration cancels =
                    cancellationToken.UnsafeRegister(static body => CancelRead((PipeReader)body!), _body);
                ValueTask<ReadResult> reading = partialSince == 0
                    ? _body.ReadAsync(context.CancellationToken)
                    : ReadWithinAsync(_options.ReceiveTimeout - _options.TimeProvider.GetElapsedTime(partialSince));
                read = await reading.ConfigureAwait(false);
            }

            ReadOnlySequence<byte> rest = read.Buffer;
            if (read.IsCanceled)
            {
                _body.AdvanceTo(rest.Start);
                cancellationToken.ThrowIfCancellationRequested();
                throw new OperationCanceledException("The call has ended.");
            }

            if (TryRead(ref rest, out ReadOnlySequence<byte> bytes) == FrameOutcome.Message)
            {
                T message = Parse(marshaller, bytes);
                _body.AdvanceTo(rest.Start);
                return (true, message);
            }

            bool partial = !rest.IsEmpty;
            if (read.IsCompleted)
            {
                _body.AdvanceTo(rest.End);
                if (partial) throw Truncated();
                return (false, default!);
            }

            if (partial && partialSince == 0) partialSince = _options.TimeProvider.GetTimestamp();
            _body.AdvanceTo(rest.Start, rest.End);
        }
    }

    private FrameOutcome TryRead(ref ReadOnlySequence<byte> rest, out ReadOnlySequence<byte> message)
    {
        FrameOutcome outcome = FrameReader.TryRead(ref rest, _options.MaxReceiveMessageBytes, out message);
        switch (outcome)
        {
            case FrameOutcome.Message:
                if (message.Length > SmallBytes) Charge(message.Length);
                return outcome;
            case FrameOutcome.NeedMore:
                if (!rest.IsEmpty) Charge(rest.Length);
                return outcome;
            case FrameOutcome.TooLarge:
                throw new GrpcException(
                    _options.OversizedStatus, $"A request message exceeds {_options.MaxReceiveMessageBytes} bytes.");
            case FrameOutcome.Compressed:
                throw new GrpcException(
                    GrpcStatusCode.Unimplemented, "Compressed messages are not supported; send identity.");
            default:
                throw new GrpcException(GrpcStatusCode.Internal, "A request message has a malformed prefix.");
        }
    }

    // What is charged is what is here, not what a prefix claims: a claim costs its sender nothing.
    private void Charge(long bytes)
    {
        if (bytes <= _charged) return;
        if (!context.Dispatcher.Budget.TryCharge(bytes - _charged))
            throw context.Dispatcher.Overloaded("The server's buffers are full.");
        _charged = bytes;
    }

    private static T Parse<T>(Marshaller<T> marshaller, in ReadOnlySequence<byte> bytes)
    {
        try
        {
            return marshaller.Parse(bytes);
        }
        catch (Exception e)
        {
            throw new GrpcException(GrpcStatusCode.Internal, "A request message could not be parsed.", e);
        }
    }

    private async ValueTask<ReadResult> ReadWithinAsync(TimeSpan timeout)
    {
        TimeSpan left = context.TimeLeft ?? TimeSpan.MaxValue;
        CancellationTokenSource timer = TimeoutPool.Rent(timeout < left ? timeout : left);
        try
        {
            return await _body.ReadAsync(timer.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException e) when (timer.IsCancellationRequested)
        {
            throw new GrpcException(
                GrpcStatusCode.DeadlineExceeded,
                context.DeadlinePassed ? "The deadline passed." : "The request did not arrive in time.",
                e);
        }
        finally
        {
            TimeoutPool.Return(timer);
        }
    }

    private static bool IsClientGone(Exception e) =>
        e is IOException or ConnectionAbortedException or BadHttpRequestException;

    private static GrpcException Truncated() =>
        new(GrpcStatusCode.Internal, "The request ends inside a message.");
}
