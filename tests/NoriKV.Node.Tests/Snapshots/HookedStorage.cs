using NoriKV.Node.Ports;

namespace NoriKV.Node.Tests.Snapshots;

/// <summary>An engine that lets the test act just before a read looks at a key.</summary>
internal sealed class HookedStorage(IStorage inner) : IStorage
{
    /// <summary>Called once, with the key; then forgotten.</summary>
    public Action<byte[]>? BeforeRead { get; set; }

    public ulong? OldestUnflushedWatermark => inner.OldestUnflushedWatermark;

    public Exception? Failure => inner.Failure;

    public bool TakesTables => inner.TakesTables;

    public IStorageBatch NewBatch() => inner.NewBatch();

    public void Write(IStorageBatch batch) => inner.Write(batch);

    public void Ingest(IReadOnlyList<string> tables) => inner.Ingest(tables);

    public bool TryGet(ReadOnlySpan<byte> key, out StoredEntry entry)
    {
        Action<byte[]>? hook = BeforeRead;
        BeforeRead = null;
        hook?.Invoke(key.ToArray());
        return inner.TryGet(key, out entry);
    }

    public IStorageView OpenView() => inner.OpenView();

    public void RequestFlush(string reason) => inner.RequestFlush(reason);

    public void NotifyDurable() => inner.NotifyDurable();

    public ValueTask FlushAsync(CancellationToken cancellationToken) => inner.FlushAsync(cancellationToken);

    public bool RunOnce() => inner.RunOnce();

    public ValueTask DisposeAsync() => inner.DisposeAsync();
}
