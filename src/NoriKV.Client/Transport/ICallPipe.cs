using NoriKV.Proto.V1;

namespace NoriKV.Client.Transport;

/// <summary>Both directions of one <c>Kv.Stream</c>. One write and one reader at a time.</summary>
internal interface ICallPipe : IAsyncDisposable
{
    /// <summary>Completes when the node has taken the stream; until then nothing is written, so nothing can have been done.</summary>
    Task Stands { get; }

    /// <summary>Hands a message over; waits while the node reads slower than we write.</summary>
    ValueTask WriteAsync(StreamRequest request);

    /// <summary>What the node answers; ends or throws when the stream is over.</summary>
    IAsyncEnumerable<StreamResponse> ReadAsync(CancellationToken cancellationToken);
}
