using Nori.Grpc;
using NoriKV.Types;

namespace NoriKV.Client.Transport;

/// <summary>
/// Guesses that a node refuses this client's certificate. In TLS 1.3 the client's handshake is over before the node looks at
/// it, and what the client sees is a connection that ends without a word: the same as of a node that dies. Several in a row,
/// of an address that never answered anything, are taken for a refusal; a later answer takes that back.
/// </summary>
/// <remarks>Thread-safe.</remarks>
internal sealed class TlsSuspicion(string address, bool tls)
{
    // A broken attempt shows on up to two sides of a stream.
    private const int SilentMax = 4;

    private int _silent;
    private volatile bool _answered;

    /// <summary>The node said something. Hot path: a read once it has.</summary>
    public void Answered()
    {
        if (!_answered) _answered = true;
    }

    /// <summary>What a call ended with, as this client's failure.</summary>
    public RpcException Judge(GrpcException exception)
    {
        RpcException failure = GrpcFailure.From(exception, address);
        if (!tls || _answered) return failure;
        // Without a cause below it is the node's own status; not reached is no connection at all, or a refusal said as such.
        if (exception.InnerException is null) Answered();
        bool silent = failure.Reached && failure.Error.Code == KvCode.Unavailable && exception.InnerException is not null;
        return silent && Interlocked.Increment(ref _silent) >= SilentMax ? GrpcFailure.Silent(exception, address) : failure;
    }
}
