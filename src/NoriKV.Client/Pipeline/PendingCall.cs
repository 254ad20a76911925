using NoriKV.Client.Transport;
using NoriKV.Client.Wire;
using NoriKV.Proto.V1;
using NoriKV.Types;

namespace NoriKV.Client.Pipeline;

/// <summary>One attempt of an operation on a stream: settled exactly once, by its answer or by what went wrong.</summary>
internal sealed class PendingCall(StreamCall message, long deadline, long begun)
{
    // Continuations run elsewhere: the loop that completes calls must not run its callers' code.
    private readonly TaskCompletionSource<StreamResult> _source = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public StreamCall Message { get; } = message;

    /// <summary>About what it takes on the wire.</summary>
    public int Bytes { get; } = Requests.Bytes(message);

    /// <summary>A timestamp of the client's clock; <see cref="long.MaxValue"/> for none.</summary>
    public long Deadline { get; } = deadline;

    /// <summary>When it was made; a timestamp of the same clock.</summary>
    public long Begun { get; } = begun;

    /// <summary>Set before its bytes are handed over: from here on it may have been done.</summary>
    public bool Sent { get; set; }

    public bool IsSettled => _source.Task.IsCompleted;

    public Task<StreamResult> Task => _source.Task;

    public bool TryComplete(StreamResult result) => _source.TrySetResult(result);

    public bool TryFail(KvError error, bool reached, Exception? inner = null) =>
        _source.TrySetException(new RpcException(error, reached && Sent, inner));

    public bool TryCancel(CancellationToken cancellationToken) => _source.TrySetCanceled(cancellationToken);
}
