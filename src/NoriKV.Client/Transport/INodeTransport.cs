using NoriKV.Proto.V1;

namespace NoriKV.Client.Transport;

/// <summary>What the client needs of a connection to one node. Failures throw <see cref="RpcException"/>.</summary>
internal interface INodeTransport : IAsyncDisposable
{
    /// <summary>The cluster that calls are for, said with each call that begins; null for whichever the node is of.</summary>
    string? ClusterId { get; set; }

    /// <summary>Opens a pipelined stream; connecting happens behind it, a failure shows on read and write.</summary>
    ICallPipe OpenPipe();

    /// <summary>
    /// One call alone, for what is too large to share a stream. Cancelled before the node can have had the whole of it, it ends with a
    /// <see cref="NotSentException"/>.
    /// </summary>
    Task<StreamResult> CallAsync(StreamCall call, TimeSpan timeout, CancellationToken cancellationToken);

    /// <summary>What the node's health service says of the server as a whole.</summary>
    Task<bool> IsServingAsync(TimeSpan timeout, CancellationToken cancellationToken);

    /// <summary>The pages of a scan.</summary>
    /// <param name="request">What to scan.</param>
    /// <param name="traceparent">The caller's place in its trace; null for none.</param>
    /// <param name="tracestate">What goes with that place; null for nothing.</param>
    /// <param name="cancellationToken">Ends it.</param>
    IAsyncEnumerable<ScanResponse> ScanAsync(
        ScanRequest request, string? traceparent, string? tracestate, CancellationToken cancellationToken);

    /// <summary>The views of the cluster, the current one first.</summary>
    IAsyncEnumerable<ClusterView> WatchAsync(CancellationToken cancellationToken);
}
