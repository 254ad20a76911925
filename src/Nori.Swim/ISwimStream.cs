namespace Nori.Swim;

/// <summary>Reliable request and answer, for what does not fit a datagram. One request, one answer.</summary>
public interface ISwimStream : IAsyncDisposable
{
    /// <summary>Begins to take requests.</summary>
    /// <param name="answer">Gives the answer; null closes the stream without one. Any thread.</param>
    void Start(Func<ReadOnlyMemory<byte>, CancellationToken, ValueTask<ReadOnlyMemory<byte>?>> answer);

    /// <summary>Sends a request; null when no answer came, for whatever reason.</summary>
    ValueTask<byte[]?> ExchangeAsync(string address, ReadOnlyMemory<byte> request, CancellationToken cancellation);
}
