using System.Threading.Channels;
using Google.Protobuf;
using Nori.Grpc;
using Nori.Grpc.Server;
using Nori.Observe;
using NoriKV.Node;
using NoriKV.Proto.V1;
using NoriKV.Types;

namespace NoriKV.Transport.Grpc;

/// <summary>
/// One Kv.Stream: calls run concurrently, results go out as they come, gathered into as few messages as the
/// moment allows. One bad call is one bad result; only a broken message or the end of the connection ends the
/// stream.
/// </summary>
/// <remarks>
/// Flow control goes both ways through the gate: a call enters it before it starts and leaves it when its
/// result is written. So a slow node or a client that does not read stops us reading, and HTTP/2's windows
/// stop the client.
/// </remarks>
internal sealed class KvStream(
    GrpcTransportParts parts,
    KvCalls calls,
    GrpcRequestStream<StreamRequest> requests,
    GrpcResponseStream<StreamResponse> responses,
    ServerCallContext call)
{
    private static readonly KvError Full = new(
        KvCode.Overloaded, "too many calls of this stream are in flight, and have been for long; the operation was not done");

    private readonly StreamGate _gate = new(
        parts.Options.StreamCallsMax, parts.Options.StreamBytesMax, parts.Options.StreamFullMax, parts.Time);

    // Unbounded in form; the gate bounds what can be in it.
    private readonly Channel<Finished> _finished = Channel.CreateUnbounded<Finished>(
        new UnboundedChannelOptions { SingleReader = true, AllowSynchronousContinuations = false });

    private readonly string _principal = CallContexts.PrincipalOf(call);

    // The stream's; each of its calls that says nothing of its own is a child of it.
    private readonly TraceContext _caller = CallContexts.CallerOf(call);

    public async Task RunAsync()
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(call.CancellationToken);
        // The headers at once: a client that has them knows that its calls reach a node that lives.
        await responses.FlushAsync().ConfigureAwait(false);
        Task writing = WriteAllAsync(stop);
        bool serverStops = false;
        try
        {
            serverStops = await ReadAllAsync(stop.Token).ConfigureAwait(false);
        }
        catch (Exception fault)
        {
            // What runs is cancelled and waited for: no call outlives its stream. What broke writing is the
            // better cause.
            _gate.Close();
            await stop.CancelAsync().ConfigureAwait(false);
            await _gate.DrainAsync().ConfigureAwait(false);
            _finished.Writer.TryComplete();
            await writing.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (fault is OperationCanceledException) await writing.ConfigureAwait(false);
            throw;
        }

        await _gate.DrainAsync().ConfigureAwait(false);
        _finished.Writer.TryComplete();
        await writing.ConfigureAwait(false);
        if (serverStops) throw new GrpcException(GrpcStatusCode.Unavailable, "the server stops");
    }

    // True when it ended because the server stops, false when the client had no more calls.
    private async Task<bool> ReadAllAsync(CancellationToken cancellationToken)
    {
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, call.ServerStopping);
        while (true)
        {
            try
            {
                if (!await requests.MoveNextAsync(ending.Token).ConfigureAwait(false)) return false;
            }
            catch (OperationCanceledException) when (call.ServerStopping.IsCancellationRequested)
            {
                cancellationToken.ThrowIfCancellationRequested();
                return true;
            }

            foreach (StreamCall each in requests.Current.Calls)
            {
                int bytes = each.CalculateSize();
                if (await _gate.EnterAsync(bytes, cancellationToken).ConfigureAwait(false))
                    _ = RunCallAsync(each, bytes, cancellationToken);
                else
                    SendAway(each);
            }
        }
    }

    // Never throws: whatever happens becomes the call's result.
    private async Task RunCallAsync(StreamCall each, int bytes, CancellationToken cancellationToken)
    {
        StreamResult result;
        RequestContext context = ContextOf(each, cancellationToken);
        try
        {
            result = await AnswerAsync(each, context).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            result = Failed(new KvError(KvCode.Cancelled, "cancelled"));
        }
        catch (Exception)
        {
            // A bug of ours ends this call, not the thousand others beside it; its details are not for the
            // client.
            result = Failed(new KvError(KvCode.Internal, "internal error"));
        }

        context.Probe?.End();
        result.Id = each.Id;
        int size = result.CalculateSize();

        // In this order: the writer gives back only what is held, and a drained gate means that every result is in
        // the channel.
        _gate.Hold(size);
        _finished.Writer.TryWrite(new Finished(result, bytes + size, size));
        _gate.Finish();
    }

    private void SendAway(StreamCall each)
    {
        StreamResult result = Failed(Full);
        result.Id = each.Id;
        int size = result.CalculateSize();
        _gate.Hold(size);
        _finished.Writer.TryWrite(new Finished(result, size, size));
    }

    private async ValueTask<StreamResult> AnswerAsync(StreamCall each, RequestContext context)
    {
        switch (each.CallCase)
        {
            case StreamCall.CallOneofCase.Put:
                KvResult<PutResponse> put = await calls.PutAsync(each.Put, context).ConfigureAwait(false);
                return put.Error is { } e1 ? Failed(e1) : new StreamResult { Put = put.Value };
            case StreamCall.CallOneofCase.Get:
                KvResult<GetResponse> got = await calls.GetAsync(each.Get, context).ConfigureAwait(false);
                return got.Error is { } e2 ? Failed(e2) : new StreamResult { Get = got.Value };
            case StreamCall.CallOneofCase.Delete:
                KvResult<DeleteResponse> deleted = await calls.DeleteAsync(each.Delete, context)
                    .ConfigureAwait(false);
                return deleted.Error is { } e3 ? Failed(e3) : new StreamResult { Delete = deleted.Value };
            case StreamCall.CallOneofCase.Batch:
                KvResult<BatchResponse> batch = await calls.BatchAsync(each.Batch, context)
                    .ConfigureAwait(false);
                return batch.Error is { } e4 ? Failed(e4) : new StreamResult { Batch = batch.Value };
            default:
                return Failed(new KvError(
                    KvCode.InvalidArgument, "the call is empty, or of a kind this server does not know"));
        }
    }

    private async Task WriteAllAsync(CancellationTokenSource stop)
    {
        ChannelReader<Finished> reader = _finished.Reader;
        try
        {
            while (await reader.WaitToReadAsync(CancellationToken.None).ConfigureAwait(false))
            {
                var response = new StreamResponse();
                int responseBytes = 0, held = 0;
                while (responseBytes < parts.Options.StreamResponseBytes && reader.TryRead(out Finished next))
                {
                    response.Results.Add(next.Result);
                    responseBytes += next.ResultBytes;
                    held += next.HeldBytes;
                }

                await responses.WriteAsync(response).ConfigureAwait(false);
                _gate.Leave(response.Results.Count, held);
            }
        }
        catch (Exception)
        {
            // The client is gone or does not read. The reader may wait at the gate or for a message: end it,
            // and let what still finishes leave the gate unsent.
            await stop.CancelAsync().ConfigureAwait(false);
            _gate.Close();
            throw;
        }
    }

    private RequestContext ContextOf(StreamCall each, CancellationToken cancellationToken)
    {
        TimeSpan left = each.TimeoutMs > 0
            ? TimeSpan.FromMilliseconds(each.TimeoutMs)
            : call.TimeLeft ?? parts.Options.DefaultTimeout;
        if (call.TimeLeft is { } streamLeft && streamLeft < left) left = streamLeft;
        return new RequestContext(CallContexts.DeadlineIn(left, parts.Time), _principal, cancellationToken)
        {
            Probe = CallContexts.ProbeOf(parts.Tracer?.Begin("norikv.v1.Kv/Stream", SpanKind.Server, CallerOf(each)), parts.Time),
        };
    }

    private TraceContext CallerOf(StreamCall each) =>
        each.Traceparent.Length > 0 && TraceContext.TryParse(each.Traceparent, out TraceContext own) ? own : _caller;

    private static StreamResult Failed(KvError error) => new() { Error = StatusTable.ToMessage(error) };

    private readonly record struct Finished(StreamResult Result, int HeldBytes, int ResultBytes);
}
