using Nori.Grpc;
using NoriKV.Node.Formation;
using NoriKV.Node.Meta;

namespace NoriKV.Transport.Grpc;

/// <summary>Asks other nodes over gRPC while there is no cluster yet; keeps a connection for each address.</summary>
/// <remarks>Thread-safe.</remarks>
public sealed class GrpcFormation : IFormationTransport, IDisposable
{
    private readonly PeerTransportOptions _options;
    private readonly TimeSpan _timeout;
    private readonly TimeSpan _joinTimeout;
    private readonly CancellationTokenSource _stopped = new();

    // Guards the channels.
    private readonly Lock _gate = new();
    private readonly Dictionary<string, GrpcChannel> _channels = [];

    /// <param name="options">TLS and secret are those of the streams.</param>
    /// <param name="timeout">How long a question may take.</param>
    /// <param name="joinTimeout">How long joining may take: the cluster may be electing a leader.</param>
    public GrpcFormation(PeerTransportOptions options, TimeSpan timeout, TimeSpan joinTimeout) =>
        (_options, _timeout, _joinTimeout) = (options, timeout, joinTimeout);

    /// <inheritdoc/>
    public void Identify(string address, IdentifyRequest request, Action<IdentifyReply?, string> answered) =>
        _ = AskAsync(
            address, FormationService.Identify, _timeout, request.Encode(), static b => IdentifyReply.TryDecode(b.Span), answered);

    /// <inheritdoc/>
    public void Form(string address, FormationProposal proposal, Action<FormReply?, string> answered) =>
        _ = AskAsync(
            address, FormationService.Form, _timeout, proposal.Encode(), static b => FormReply.TryDecode(b.Span), answered);

    /// <summary>Asks a node to take this one into its cluster; the words where there is no answer.</summary>
    public async Task<(JoinReply? Reply, string Failure)> JoinAsync(string address, JoinCall call)
    {
        (JoinReply?, string) result = default;
        await AskAsync(
            address, FormationService.Join, _joinTimeout, call.Encode(), static b => JoinAnswer.TryDecode(b.Span),
            (JoinReply? reply, string failure) => result = (reply, failure)).ConfigureAwait(false);
        return result;
    }

    /// <summary>Ends what is under way.</summary>
    public void Dispose()
    {
        _stopped.Cancel();
        lock (_gate)
        {
            foreach (GrpcChannel channel in _channels.Values) channel.Dispose();
            _channels.Clear();
        }
    }

    private async Task AskAsync<T>(
        string address,
        GrpcMethod<ReadOnlyMemory<byte>, ReadOnlyMemory<byte>> method,
        TimeSpan timeout,
        byte[] request,
        Func<ReadOnlyMemory<byte>, T?> decode,
        Action<T?, string> answered)
        where T : class
    {
        T? reply = null;
        string failure = "answered what is no answer";
        try
        {
            ReadOnlyMemory<byte> bytes = await ChannelTo(address).UnaryAsync(method, request, new GrpcCallOptions
            {
                Timeout = timeout,
                Headers = _options.PeerSecret is { } secret ? new Metadata { { AccessGate.SecretKey, secret } } : null,
                CancellationToken = _stopped.Token,
            }).ConfigureAwait(false);
            reply = decode(bytes);
        }
        catch (GrpcException refused)
        {
            failure = refused.Code switch
            {
                GrpcStatusCode.Unavailable => "not reachable",
                GrpcStatusCode.DeadlineExceeded => "does not answer",
                _ => refused.Status.ToString(),
            };
        }
        catch (Exception ended) when (ended is OperationCanceledException or ObjectDisposedException or UriFormatException)
        {
            failure = ended is UriFormatException ? "no address" : "ended here";
        }

        answered(reply, reply is null ? failure : "");
    }

    private GrpcChannel ChannelTo(string address)
    {
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_stopped.IsCancellationRequested, this);
            if (_channels.TryGetValue(address, out GrpcChannel? known)) return known;
            var channel = new GrpcChannel(new GrpcChannelOptions
            {
                Address = new Uri($"{(_options.Tls is null ? "http" : "https")}://{address}"),
                Tls = _options.Tls,
                ConnectTimeout = _timeout,
            });
            _channels.Add(address, channel);
            return channel;
        }
    }
}
