namespace NoriKV.Client.Transport;

/// <summary>A call was given up before the node can have had the whole of its request.</summary>
internal sealed class NotSentException(OperationCanceledException inner)
    : OperationCanceledException(inner.Message, inner, inner.CancellationToken);
