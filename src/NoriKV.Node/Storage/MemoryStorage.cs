using Nori.Core;
using NoriKV.Node.Ports;

namespace NoriKV.Node.Storage;

/// <summary>
/// A store in memory behind the port: every version is a tree of its own that shares with the one before. Nothing of it is
/// ever durable, so the node's log keeps everything and the next start applies it again: for tests and small, short lives.
/// </summary>
/// <remarks>Thread-safe. A view costs nothing and holds what it sees.</remarks>
public sealed class MemoryStorage : IStorage
{
    // Guards _random, _least and the order of writes; readers take the tree by Volatile.Read.
    private readonly Lock _lock = new();
    private readonly Prng _random;
    private Treap? _tree;
    private ulong _least;
    private volatile bool _disposed;

    private MemoryStorage(ulong seed) => _random = new Prng(seed);

    /// <inheritdoc/>
    public ulong? OldestUnflushedWatermark
    {
        get
        {
            lock (_lock) return _least == 0 ? null : _least;
        }
    }

    /// <inheritdoc/>
    public Exception? Failure => null;

    /// <summary>An empty store; for NodeOptions.OpenStorage.</summary>
    public static ValueTask<IStorage> OpenAsync(StorageSetup setup, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(setup);
        return new ValueTask<IStorage>(new MemoryStorage(setup.Seed));
    }

    /// <inheritdoc/>
    public IStorageBatch NewBatch() => new MemoryStorageBatch();

    /// <inheritdoc/>
    public void Write(IStorageBatch batch)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        var writes = (MemoryStorageBatch)batch;
        lock (_lock)
        {
            Volatile.Write(ref _tree, writes.ApplyTo(_tree, _random));
            if (writes.Watermark != 0) _least = _least == 0 ? writes.Watermark : Math.Min(_least, writes.Watermark);
        }
    }

    /// <inheritdoc/>
    public bool TryGet(ReadOnlySpan<byte> key, out StoredEntry entry) => TryGet(Volatile.Read(ref _tree), key, out entry);

    /// <inheritdoc/>
    public IStorageView OpenView() => new View(Volatile.Read(ref _tree));

    /// <summary>Does nothing: there is nowhere to flush to.</summary>
    public void RequestFlush(string reason)
    {
    }

    /// <summary>Does nothing.</summary>
    public void NotifyDurable()
    {
    }

    /// <summary>Complete at once: what it holds is as durable as it will be, in the log.</summary>
    public ValueTask FlushAsync(CancellationToken cancellationToken) => default;

    /// <inheritdoc/>
    public bool RunOnce() => false;

    /// <inheritdoc/>
    public ValueTask DisposeAsync()
    {
        _disposed = true;
        return default;
    }

    private static bool TryGet(Treap? tree, ReadOnlySpan<byte> key, out StoredEntry entry)
    {
        Treap? found = Treap.Find(tree, key);
        entry = found is null ? default : new StoredEntry(found.Item.Value.ToArray(), found.Item.ExpiryUnixMs);
        return found is not null;
    }

    private sealed class View(Treap? tree) : IStorageView
    {
        public bool TryGet(ReadOnlySpan<byte> key, out StoredEntry entry) => MemoryStorage.TryGet(tree, key, out entry);

        public IStorageIterator NewIterator(bool reverse) => new TreapIterator(tree, reverse);

        public void Dispose()
        {
        }
    }
}
