using System.Runtime.CompilerServices;
using NoriKV.Client;
using NoriKV.Types;

namespace NoriKV.Cli.Tests;

/// <summary>Just enough of a store to test the command line against.</summary>
internal sealed class MemoryNoriKV : INoriKV
{
    private readonly Lock _gate = new();
    private readonly SortedDictionary<byte[], (byte[] Value, KvVersion Version, TimeSpan? Ttl)> _pairs =
        new(Comparer<byte[]>.Create(static (a, b) => a.AsSpan().SequenceCompareTo(b)));

    private ulong _index;

    /// <summary>Called before each put; may throw or wait.</summary>
    public Func<ReadOnlyMemory<byte>, Task>? OnPut { get; set; }

    public Func<Task>? OnGet { get; set; }

    public int Count
    {
        get
        {
            lock (_gate) return _pairs.Count;
        }
    }

    public TimeSpan? TtlOf(string key)
    {
        lock (_gate) return _pairs[System.Text.Encoding.UTF8.GetBytes(key)].Ttl;
    }

    public async ValueTask<PutResult> PutAsync(
        ReadOnlyMemory<byte> key,
        ReadOnlyMemory<byte> value,
        PutOptions? options = null,
        CancellationToken cancellationToken = default)
    {
        if (OnPut is not null) await OnPut(key);
        if (key.Length is 0 or > 1024)
        {
            throw NoriKVException.From(new KvError(KvCode.InvalidArgument, $"Key size {key.Length} exceeds limit 1024"));
        }

        lock (_gate)
        {
            KvVersion now = _pairs.TryGetValue(key.ToArray(), out var old) ? old.Version : KvVersion.None;
            if (options?.IfMatch is { } match && match != now)
            {
                throw NoriKVException.From(new KvError(KvCode.VersionMismatch, $"Version mismatch: the key has {now}"));
            }

            if (options?.IfNotExists == true && now.IsPresent)
            {
                throw NoriKVException.From(new KvError(KvCode.AlreadyExists, "the key exists"));
            }

            var version = new KvVersion(1, ++_index);
            _pairs[key.ToArray()] = (value.ToArray(), version, options?.Ttl);
            return new PutResult(version, KvMeta.None);
        }
    }

    public async ValueTask<GetResult> GetAsync(
        ReadOnlyMemory<byte> key, ReadOptions? options = null, CancellationToken cancellationToken = default)
    {
        if (OnGet is not null) await OnGet();
        lock (_gate)
        {
            return _pairs.TryGetValue(key.ToArray(), out var found)
                ? new GetResult(found.Value, found.Version, KvMeta.None)
                : new GetResult(default, KvVersion.None, KvMeta.None);
        }
    }

    public ValueTask<DeleteResult> DeleteAsync(
        ReadOnlyMemory<byte> key, DeleteOptions? options = null, CancellationToken cancellationToken = default)
    {
        lock (_gate) return new(new DeleteResult(_pairs.Remove(key.ToArray()), new KvVersion(1, ++_index), KvMeta.None));
    }

    public ValueTask<IReadOnlyList<BatchOperationResult>> BatchAsync(
        IReadOnlyList<BatchOperation> operations, BatchOptions? options = null, CancellationToken cancellationToken = default) =>
        throw new NotSupportedException();

    public async IAsyncEnumerable<KvPair> ScanAsync(
        ScanOptions options, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        await Task.Yield();
        KvPair[] pairs;
        lock (_gate)
        {
            pairs = [.. _pairs
                .Where(p => p.Key.AsSpan().StartsWith(options.Prefix.Span)
                    && p.Key.AsSpan().SequenceCompareTo(options.Start.Span) >= 0
                    && (options.End.IsEmpty || p.Key.AsSpan().SequenceCompareTo(options.End.Span) < 0))
                .Select(p => new KvPair(p.Key, options.KeysOnly ? default : p.Value.Value, p.Value.Version))];
        }

        if (options.Reverse) Array.Reverse(pairs);
        foreach (KvPair pair in options.Limit > 0 ? pairs.Take((int)options.Limit) : pairs)
        {
            cancellationToken.ThrowIfCancellationRequested();
            yield return pair;
        }
    }

    public ValueTask<ScanPage> ScanPageAsync(ScanOptions options, CancellationToken cancellationToken = default) =>
        throw new NotSupportedException();

    public async ValueTask<long> CountAsync(ScanOptions options, CancellationToken cancellationToken = default)
    {
        long count = 0;
        await foreach (KvPair unused in ScanAsync(options, cancellationToken)) count++;
        return count;
    }

    public ValueTask<ClusterView> GetClusterViewAsync(CancellationToken cancellationToken = default) =>
        ValueTask.FromResult(new ClusterView(
        3,
        [new ClusterNode("a", "a.example:1", NodeRole.Leader), new ClusterNode("b", "b.example:1", NodeRole.Follower)],
        [
            new ShardView(new ShardId(0), [new ShardReplicaView("a", true), new ShardReplicaView("b", false)]),
            new ShardView(new ShardId(1), [new ShardReplicaView("a", false)]),
        ],
        "c1", 2, false));

    public ValueTask<bool> IsServingAsync(CancellationToken cancellationToken = default) => new(true);

    public IAsyncEnumerable<ClusterView> WatchClusterAsync(CancellationToken cancellationToken = default) =>
        throw new NotSupportedException();

    // The command line disposes its client; the test goes on with the same pairs.
    public ValueTask DisposeAsync() => default;
}
