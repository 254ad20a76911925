using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using System.Threading.Channels;
using NoriKV.Client.Transport;
using NoriKV.Proto.V1;
using NoriKV.Types;
using ClusterView = NoriKV.Proto.V1.ClusterView;

namespace NoriKV.Client.Tests;

/// <summary>A node made of lambdas: answers calls, breaks when told, remembers what it was asked.</summary>
internal sealed class ScriptedTransport(string address) : INodeTransport
{
    public string Address { get; } = address;

    /// <summary>Answers a call; null leaves it without an answer.</summary>
    public Func<StreamCall, StreamResult?> OnCall { get; set; } = Echo;

    /// <summary>Pages of a scan by token.</summary>
    public Func<ScanRequest, CancellationToken, IAsyncEnumerable<ScanResponse>> OnScan { get; set; } =
        (_, _) => Empty<ScanResponse>();

    public Func<Task<bool>> OnIsServing { get; set; } = () => Task.FromResult(true);

    public Func<CancellationToken, IAsyncEnumerable<ClusterView>> OnWatch { get; set; } = Never;

    public ConcurrentQueue<StreamCall> Calls { get; } = new();

    public ConcurrentQueue<int> MessageSizes { get; } = new();

    public ConcurrentQueue<StreamCall> Alone { get; } = new();

    public int PipesOpened;

    public ConcurrentBag<ScriptedPipe> Pipes { get; } = [];

    public static StreamResult Echo(StreamCall call) => call.CallCase switch
    {
        StreamCall.CallOneofCase.Put => new() { Put = new PutResponse { Version = new() { Term = 1, Index = call.Id } } },
        StreamCall.CallOneofCase.Get => new()
        {
            Get = new GetResponse { Value = call.Get.Key, Version = new() { Term = 1, Index = 1 } },
        },
        StreamCall.CallOneofCase.Delete => new() { Delete = new DeleteResponse { Tombstoned = true } },
        _ => new() { Batch = new BatchResponse() },
    };

    public static StreamResult Error(uint code, string message, string hint = "", ulong retryAfterMs = 0) => new()
    {
        Error = new Status { Code = code, Message = message, LeaderHint = hint, RetryAfterMs = retryAfterMs },
    };

    public ICallPipe OpenPipe()
    {
        Interlocked.Increment(ref PipesOpened);
        var pipe = new ScriptedPipe(this);
        Pipes.Add(pipe);
        return pipe;
    }

    public Task<StreamResult> CallAsync(StreamCall call, TimeSpan timeout, CancellationToken cancellationToken)
    {
        Alone.Enqueue(call);
        return Task.FromResult(OnCall(call)!);
    }

    public Task<bool> IsServingAsync(TimeSpan timeout, CancellationToken cancellationToken) => OnIsServing();

    public IAsyncEnumerable<ScanResponse> ScanAsync(ScanRequest request, CancellationToken cancellationToken) =>
        OnScan(request, cancellationToken);

    public IAsyncEnumerable<ClusterView> WatchAsync(CancellationToken cancellationToken) => OnWatch(cancellationToken);

    public ValueTask DisposeAsync() => default;

    public static async IAsyncEnumerable<T> Empty<T>()
    {
        await Task.CompletedTask;
        yield break;
    }

    public static async IAsyncEnumerable<ClusterView> Never([EnumeratorCancellation] CancellationToken token)
    {
        await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, token);
        yield break;
    }

    internal sealed class ScriptedPipe(ScriptedTransport node) : ICallPipe
    {
        private readonly Channel<StreamResponse> _answers = Channel.CreateUnbounded<StreamResponse>();

        public void Break(KvCode code = KvCode.Unavailable, bool reached = true) =>
            _answers.Writer.TryComplete(new RpcException(new KvError(code, "broken by the test"), reached));

        public ValueTask WriteAsync(StreamRequest request)
        {
            node.MessageSizes.Enqueue(request.Calls.Count);
            var response = new StreamResponse();
            foreach (StreamCall call in request.Calls)
            {
                node.Calls.Enqueue(call);
                StreamResult? result;
                try
                {
                    result = node.OnCall(call);
                }
                catch (RpcException e)
                {
                    _answers.Writer.TryComplete(e);
                    return default;
                }

                if (result is null) continue;
                result.Id = call.Id;
                response.Results.Add(result);
            }

            if (response.Results.Count > 0) _answers.Writer.TryWrite(response);
            return default;
        }

        public IAsyncEnumerable<StreamResponse> ReadAsync(CancellationToken cancellationToken) =>
            _answers.Reader.ReadAllAsync(cancellationToken);

        public ValueTask DisposeAsync() => default;
    }
}
