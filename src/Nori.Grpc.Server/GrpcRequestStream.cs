using System.Runtime.CompilerServices;

namespace Nori.Grpc.Server;

/// <summary>The requests of a streaming call, in order.</summary>
/// <typeparam name="T">The type of the requests.</typeparam>
/// <remarks>One read at a time; reading and writing responses may run at once.</remarks>
public sealed class GrpcRequestStream<T>
{
    private readonly ServerCallContext _context;
    private readonly Marshaller<T> _marshaller;

    internal GrpcRequestStream(ServerCallContext context, Marshaller<T> marshaller)
    {
        _context = context;
        _marshaller = marshaller;
    }

    /// <summary>The request <see cref="MoveNextAsync"/> found.</summary>
    public T Current { get; private set; } = default!;

    /// <summary>Waits for the next request; false when the client has completed them.</summary>
    /// <param name="cancellationToken">Ends the waiting. Nothing is lost: the stream may be read on.</param>
    /// <exception cref="GrpcException">
    /// What arrived is no message; letting it out answers the client.
    /// </exception>
    /// <exception cref="OperationCanceledException">This token or the call's was cancelled.</exception>
    public async ValueTask<bool> MoveNextAsync(CancellationToken cancellationToken = default)
    {
        (bool found, T message) = await _context.Input.ReadAsync(_marshaller, cancellationToken).ConfigureAwait(false);
        Current = message;
        return found;
    }

    /// <summary>Enumerates the requests that are left.</summary>
    public async IAsyncEnumerable<T> ReadAllAsync(
        [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        while (await MoveNextAsync(cancellationToken).ConfigureAwait(false)) yield return Current;
    }
}
