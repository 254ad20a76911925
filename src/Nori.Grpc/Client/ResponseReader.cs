using System.Buffers;
using System.IO.Pipelines;

namespace Nori.Grpc;

/// <summary>Reads the messages of a response and, behind the last, its status.</summary>
internal sealed class ResponseReader<T>(Exchange exchange, Marshaller<T> marshaller, int messageBytesMax)
{
    // Larger than most answers. Reads of no bytes first, to hold no buffer while waiting, cost a third of the
    // calls.
    private static readonly StreamPipeReaderOptions ReaderOptions = new(bufferSize: 16 * 1024);

    private HttpResponseMessage? _response;
    private PipeReader? _body;
    private Metadata? _headers;
    private Metadata? _trailers;
    private bool _finished;

    /// <summary>The message <see cref="MoveNextAsync"/> found.</summary>
    public T Current { get; private set; } = default!;

    /// <summary>Metadata before the messages.</summary>
    public Metadata Headers =>
        _headers ??= _response is null ? [] : HttpStatusMapping.ReadMetadata(_response.Headers);

    /// <summary>Metadata behind the messages; empty before the end.</summary>
    public Metadata Trailers =>
        _trailers ??= _response is null || !_finished ? [] : HttpStatusMapping.ReadMetadata(_response.TrailingHeaders);

    /// <summary>Waits for the head of the response.</summary>
    public async ValueTask<Metadata> ReadHeadersAsync()
    {
        try
        {
            if (_response is null) await OpenAsync().ConfigureAwait(false);
            return Headers;
        }
        catch (Exception e) when (e is not GrpcException)
        {
            throw exchange.Translate(e);
        }
    }

    /// <summary>The one message of a unary response.</summary>
    public async Task<GrpcResponse<T>> ReadSingleAsync()
    {
        if (!await MoveNextAsync().ConfigureAwait(false))
            throw new GrpcException(GrpcStatusCode.Unimplemented, "The server answered OK without a message.");
        T message = Current;
        if (await MoveNextAsync().ConfigureAwait(false))
            throw new GrpcException(GrpcStatusCode.Unimplemented, "The server sent more than one message.");
        return new GrpcResponse<T>(message, Headers, Trailers);
    }

    /// <summary>Reads the next message; false at the end of a call that ended with OK.</summary>
    /// <exception cref="GrpcException">The call ended otherwise.</exception>
    public async ValueTask<bool> MoveNextAsync()
    {
        try
        {
            if (_response is null) await OpenAsync().ConfigureAwait(false);
            while (!_finished)
            {
                ReadResult read = await _body!.ReadAsync(exchange.Token).ConfigureAwait(false);
                ReadOnlySequence<byte> rest = read.Buffer;
                FrameOutcome outcome = FrameReader.TryRead(
                    ref rest, messageBytesMax, out ReadOnlySequence<byte> message);
                if (outcome == FrameOutcome.Message)
                {
                    Current = Parse(message);
                    _body.AdvanceTo(rest.Start);
                    return true;
                }

                if (outcome != FrameOutcome.NeedMore) throw Refusal(outcome);
                if (read.IsCompleted)
                    Finish(truncated: !rest.IsEmpty);
                else
                    _body.AdvanceTo(rest.Start, rest.End);
            }

            return false;
        }
        catch (Exception e) when (e is not GrpcException)
        {
            throw exchange.Translate(e);
        }
    }

    private async ValueTask OpenAsync()
    {
        HttpResponseMessage response = await exchange.Sending.ConfigureAwait(false);
        _response = response;
        if (HttpStatusMapping.TryReadStatus(response.Headers, out GrpcStatus early))
        {
            // Trailers-only: the head of the response is also its end.
            _finished = true;
            _trailers = Headers;
            ThrowUnlessOk(early);
            return;
        }

        if (response.StatusCode != System.Net.HttpStatusCode.OK)
        {
            throw new GrpcException(
                HttpStatusMapping.FromHttp(response.StatusCode),
                $"The server answered HTTP status {(int)response.StatusCode} without a gRPC status.");
        }

        string type = response.Content.Headers.ContentType?.MediaType ?? "";
        if (!type.StartsWith("application/grpc", StringComparison.OrdinalIgnoreCase))
            throw new GrpcException(GrpcStatusCode.Unknown, $"The server answered content-type '{type}'.");

        Stream body = await response.Content.ReadAsStreamAsync(exchange.Token).ConfigureAwait(false);
        _body = PipeReader.Create(body, ReaderOptions);
    }

    private void Finish(bool truncated)
    {
        _finished = true;
        _body!.Complete();
        if (!HttpStatusMapping.TryReadStatus(_response!.TrailingHeaders, out GrpcStatus status))
            throw new GrpcException(GrpcStatusCode.Unknown, "The server ended the call without a status.");
        ThrowUnlessOk(status);
        if (truncated) throw new GrpcException(GrpcStatusCode.Internal, "The last message is incomplete.");
    }

    private void ThrowUnlessOk(GrpcStatus status)
    {
        if (!status.IsOk) throw new GrpcException(status, Trailers);
    }

    private T Parse(in ReadOnlySequence<byte> message)
    {
        try
        {
            return marshaller.Parse(message);
        }
        catch (Exception e)
        {
            throw new GrpcException(GrpcStatusCode.Internal, "A response could not be parsed.", e);
        }
    }

    private GrpcException Refusal(FrameOutcome outcome) => outcome switch
    {
        FrameOutcome.TooLarge => new GrpcException(
            GrpcStatusCode.ResourceExhausted, $"A response is longer than {messageBytesMax} bytes."),
        FrameOutcome.Compressed => new GrpcException(
            GrpcStatusCode.Internal, "The server compressed a message although only identity was offered."),
        _ => new GrpcException(GrpcStatusCode.Internal, "The server sent a malformed message prefix."),
    };
}
