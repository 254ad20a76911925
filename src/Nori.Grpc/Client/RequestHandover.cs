namespace Nori.Grpc;

/// <summary>
/// Tells whether a server can have had the whole of a unary request, for callers to whom a failure without an answer means something else
/// then: give one to a call by <see cref="GrpcCallOptions.Handover"/>.
/// </summary>
/// <remarks>Thread-safe. For one call.</remarks>
public sealed class RequestHandover
{
    private const int Open = 0;
    private const int Given = 1;
    private const int Withheld = 2;

    private int _state;

    /// <summary>
    /// True where the end of the request was not handed to the connection, and from here on never will be: the server cannot have had the
    /// whole of it. Flow control keeps back what is longer than 64 KiB until the server has said its first word.
    /// </summary>
    public bool TryWithhold() => Interlocked.CompareExchange(ref _state, Withheld, Open) != Given;

    internal bool TryGive() => Interlocked.CompareExchange(ref _state, Given, Open) != Withheld;
}
