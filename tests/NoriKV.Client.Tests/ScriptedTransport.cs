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

    public string? ClusterId { get; set; }

    /// <summary>The cluster that was named when each stream was opened; empty for none.</summary>
    public ConcurrentQueue<string> OpenedFor { get; } = new();

    public bool IsDisposed { get; private set; }

    /// <summary>Answers a call; null leaves it without an answer.</summary>
    public Func<StreamCall, StreamResult?> OnCall { get; set; } = Echo;

    /// <summary>When a stream is taken.</summary>
    public Task Stands { get; set; } = Task.CompletedTask;

    /// <summary>What a call alone waits for before it is answered.</summary>
    public Func<CancellationToken, Task> OnCallAlone { get; set; } = static _ => Task.CompletedTask;

    /// <summary>Pages of a scan by token.</summary>
    public Func<ScanRequest, CancellationToken, IAsyncEnumerable<ScanResponse>> OnScan { get; set; } =
        (_, _) => Empty<ScanResponse>();

    public Func<Task<bool>> OnIsServing { get; set; } = () => Task.FromResult(true);

    public Func<CancellationToken, IAsyncEnumerable<ClusterView>> OnWatch { get; set; } = Never;

    public ConcurrentQueue<StreamCall> Calls { get; } = new();

    public ConcurrentQueue<int> MessageSizes { get; } = new();

    public ConcurrentQueue<StreamCall> Alone { get; } = new();

    public ConcurrentQueue<string?> ScanTraceparents { get; } = new();

    public ConcurrentQueue<string?> ScanTracestates { get; } = new();

    public int PipesOpened;

    public int Watches;

    public ConcurrentQueue<ScriptedPipe> Pipes { get; } = new();

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
        OpenedFor.Enqueue(ClusterId ?? "");
        var pipe = new ScriptedPipe(this);
        Pipes.Enqueue(pipe);
        return pipe;
    }

    public async Task<StreamResult> CallAsync(StreamCall call, TimeSpan timeout, CancellationToken cancellationToken)
    {
        Alone.Enqueue(call);
        await OnCallAlone(cancellationToken);
        return OnCall(call)!;
    }

    public Task<bool> IsServingAsync(TimeSpan timeout, CancellationToken cancellationToken) => OnIsServing();

    public IAsyncEnumerable<ScanResponse> ScanAsync(
        ScanRequest request, string? traceparent, string? tracestate, CancellationToken cancellationToken)
    {
        ScanTraceparents.Enqueue(traceparent);
        ScanTracestates.Enqueue(tracestate);
        return OnScan(request, cancellationToken);
    }

    public IAsyncEnumerable<ClusterView> WatchAsync(CancellationToken cancellationToken)
    {
        Interlocked.Increment(ref Watches);
        return OnWatch(cancellationToken);
    }

    public ValueTask DisposeAsync()
    {
        IsDisposed = true;
        return default;
    }

    public static async IAsyncEnumerable<T> Empty<T>()
    {
        await Task.CompletedTask;
        yield break;
    }

    /// <summary>A view of 16 shards whose leaders are these nodes in turn, then silence.</summary>
    public static async IAsyncEnumerable<ClusterView> View(
        ulong epoch, string clusterId, string[] nodes, [EnumeratorCancellation] CancellationToken token)
    {
        var view = new ClusterView { Epoch = epoch, TotalShards = 16, ClusterId = clusterId };
        foreach (string node in nodes) view.Nodes.Add(new Proto.V1.ClusterNode { Id = node[..1], Addr = node, Role = "leader" });
        for (uint shard = 0; shard < 16; shard++)
        {
            var info = new ShardInfo { Id = shard };
            info.Replicas.Add(new ShardReplica { NodeId = nodes[shard % nodes.Length][..1], Leader = true });
            view.Shards.Add(info);
        }

        yield return view;
        await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, token);
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

        public void Answer(StreamResult result, ulong id)
        {
            result.Id = id;
            var response = new StreamResponse();
            response.Results.Add(result);
            _answers.Writer.TryWrite(response);
        }

        /// <summary>Answers these in one message.</summary>
        public void AnswerAll(IReadOnlyList<StreamCall> calls)
        {
            var response = new StreamResponse();
            foreach (StreamCall call in calls)
            {
                StreamResult result = Echo(call);
                result.Id = call.Id;
                response.Results.Add(result);
            }

            _answers.Writer.TryWrite(response);
        }

        public Task Stands => node.Stands;

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
