using System.Runtime.CompilerServices;
using NoriKV.Node;
using NoriKV.Types;

namespace NoriKV.Server.Tests;

/// <summary>
/// A node in memory with the wire's meaning, whose next outcomes a test can dictate: what a healthy single node never
/// answers (no leader, no quorum, overload) is tested on it.
/// </summary>
internal sealed class FakeNode : INoriNode
{
    private readonly Lock _lock = new();
    private readonly SortedDictionary<byte[], (byte[] Value, KvVersion Version)> _pairs =
        new(Comparer<byte[]>.Create(static (a, b) => a.AsSpan().SequenceCompareTo(b)));

    private readonly TaskCompletionSource _stopped = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private ulong _index;

    public string NodeId { get; init; } = "fake";

    public KvLimits Limits { get; init; } = KvLimits.Default;

    /// <summary>When set, what every operation comes to.</summary>
    public KvError? Outcome { get; set; }

    /// <summary>When set, operations wait for it (or for their cancellation).</summary>
    public TaskCompletionSource? Hold { get; set; }

    /// <summary>When set, operations throw it: a bug.</summary>
    public Exception? Fault { get; set; }

    /// <summary>Operations that wait now.</summary>
    public int Waiting => Volatile.Read(ref _waiting);

    private int _waiting;

    /// <summary>Operations that ended by their caller's cancellation.</summary>
    public int Cancelled => Volatile.Read(ref _cancelled);

    private int _cancelled;

    /// <summary>The context of the last operation.</summary>
    public RequestContext LastContext { get; private set; }

    public ClusterView View { get; set; } = new(
        1,
        [new ClusterNode("fake", "127.0.0.1:7447", NodeRole.Leader)],
        [new ShardView(new ShardId(0), [new ShardReplicaView("fake", true)])],
        "c1",
        1,
        false);

    public HealthStatus Status { get; set; } = HealthStatus.Healthy;

    public string? NotReadyReason { get; set; }

    public NodeHealth Health => new()
    {
        Status = Status,
        Reasons = NotReadyReason is { } reason ? [reason] : [],
        NodeId = NodeId,
        Uptime = TimeSpan.FromSeconds(3),
        TotalShards = 1,
        Shards =
        [
            new ShardHealth(
                new ShardId(0), HealthStatus.Healthy, true, new Term(1), new LogIndex(_index), new LogIndex(_index)),
        ],
    };

    public ShardId ShardOf(ReadOnlySpan<byte> key) => new(0);

    public async ValueTask<KvResult<PutResult>> PutAsync(
        ReadOnlyMemory<byte> key, ReadOnlyMemory<byte> value, PutOptions options, RequestContext context)
    {
        if (await BeforeAsync(key, context) is { } error) return error;
        lock (_lock)
        {
            byte[] name = key.ToArray();
            bool found = _pairs.TryGetValue(name, out var old);
            if (options.IfNotExists && found) return new KvError(KvCode.AlreadyExists, "Key already exists");
            if (options.IfMatch is { } match && (!found || old.Version != match))
                return new KvError(KvCode.VersionMismatch, "Version mismatch");
            var version = new KvVersion(1, ++_index);
            _pairs[name] = (value.ToArray(), version);
            return new PutResult(version, KvMeta.None);
        }
    }

    public async ValueTask<KvResult<GetResult>> GetAsync(
        ReadOnlyMemory<byte> key, ReadOptions options, RequestContext context)
    {
        if (await BeforeAsync(key, context) is { } error) return error;
        lock (_lock)
        {
            var meta = new KvMeta { Consistency = options.Consistency, ServedBy = NodeId };
            return _pairs.TryGetValue(key.ToArray(), out var pair)
                ? new GetResult(pair.Value, pair.Version, meta)
                : new GetResult(default, default, meta);
        }
    }

    public async ValueTask<KvResult<DeleteResult>> DeleteAsync(
        ReadOnlyMemory<byte> key, DeleteOptions options, RequestContext context)
    {
        if (await BeforeAsync(key, context) is { } error) return error;
        lock (_lock) return new DeleteResult(_pairs.Remove(key.ToArray()), new KvVersion(1, ++_index), KvMeta.None);
    }

    public async ValueTask<KvResult<IReadOnlyList<BatchOperationResult>>> BatchAsync(
        IReadOnlyList<BatchOperation> operations, BatchOptions options, RequestContext context)
    {
        var results = new List<BatchOperationResult>();
        foreach (BatchOperation each in operations)
        {
            KvResult<PutResult> put = await PutAsync(each.Key, each.Value, new PutOptions(), context);
            if (put.Error is { } error) return error;
            results.Add(new BatchOperationResult { Kind = each.Kind, Version = put.Value.Version });
        }

        return results;
    }

    public async ValueTask<KvResult<ScanPage>> ScanAsync(
        ScanOptions options, int pagePairsMax, int pageBytesMax, RequestContext context)
    {
        if (await BeforeAsync(new byte[] { 1 }, context) is { } error) return error;
        lock (_lock)
        {
            KvPair[] all = [.. _pairs
                .Where(p => p.Key.AsSpan().StartsWith(options.Prefix.Span))
                .Where(p => options.PageToken.IsEmpty || p.Key.AsSpan().SequenceCompareTo(options.PageToken.Span) > 0)
                .Select(static p => new KvPair(p.Key, p.Value.Value, p.Value.Version))];
            KvPair[] page = [.. all.Take(pagePairsMax)];
            return new ScanPage(
                page, page.Length < all.Length ? page[^1].Key : default, page.Length, KvMeta.None);
        }
    }

    public async IAsyncEnumerable<KvResult<ScanPage>> ScanPagesAsync(
        ScanOptions options, int pagePairsMax, int pageBytesMax, RequestContext context)
    {
        yield return await ScanAsync(options, pagePairsMax, pageBytesMax, context);
    }

    public async IAsyncEnumerable<ClusterView> WatchAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        yield return View;
        await _stopped.Task.WaitAsync(cancellationToken);
        yield return View with { Epoch = View.Epoch + 1 };
    }

    public ValueTask<KvResult<ShardView>> TransferShardAsync(
        ShardId shard, string targetNode, RequestContext context) => ValueTask.FromResult<KvResult<ShardView>>(
            Outcome is { } outcome ? outcome : new ShardView(shard, [new ShardReplicaView(targetNode, true)]));

    public ValueTask<KvResult<ShardView>> SnapshotShardAsync(ShardId shard, RequestContext context) =>
        ValueTask.FromResult<KvResult<ShardView>>(new ShardView(shard, [new ShardReplicaView(NodeId, true)]));

    public ValueTask StopAsync(TimeSpan limit)
    {
        NotReadyReason = "stopping";
        _stopped.TrySetResult();
        return ValueTask.CompletedTask;
    }

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    private async ValueTask<KvError?> BeforeAsync(ReadOnlyMemory<byte> key, RequestContext context)
    {
        LastContext = context;
        if (Fault is { } fault) throw fault;
        if (Hold is { } hold)
        {
            Interlocked.Increment(ref _waiting);
            try
            {
                TimeSpan left = TimeProvider.System.GetElapsedTime(
                    TimeProvider.System.GetTimestamp(), context.Deadline);
                // Below nothing is an error, or for ever.
                await hold.Task.WaitAsync(left > TimeSpan.Zero ? left : TimeSpan.Zero, context.CancellationToken);
            }
            catch (TimeoutException)
            {
                Interlocked.Increment(ref _cancelled);
                return new KvError(KvCode.CommitTimeout, "COMMIT_TIMEOUT: the outcome is unknown");
            }
            catch (OperationCanceledException)
            {
                Interlocked.Increment(ref _cancelled);
                return new KvError(KvCode.Cancelled, "cancelled");
            }
            finally
            {
                Interlocked.Decrement(ref _waiting);
            }
        }

        if (key.IsEmpty) return new KvError(KvCode.InvalidArgument, "Key must not be empty");
        if (key.Length > Limits.KeyBytesMax)
        {
            return new KvError(
                KvCode.InvalidArgument, $"Key size {key.Length} exceeds limit {Limits.KeyBytesMax}");
        }

        return Outcome;
    }
}
