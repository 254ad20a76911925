using NoriKV.Node.Ports;

namespace NoriKV.Storage.Contract;

/// <summary>An engine that is closed at the end of a block, with short words for what the contract does to it.</summary>
internal sealed class Opened(IStorage engine, Place? owned = null) : IDisposable
{
    public IStorage Engine { get; } = engine;

    public void Put(params (string Key, string Value)[] pairs) => Write(batch =>
    {
        foreach ((string key, string value) in pairs)
            batch.Put(StorageContract.Bytes(key), StorageContract.Bytes(value));
    });

    public void Write(Action<IStorageBatch> fill)
    {
        IStorageBatch batch = Engine.NewBatch();
        fill(batch);
        Engine.Write(batch);
    }

    public string? Get(string key) =>
        Engine.TryGet(StorageContract.Bytes(key), out StoredEntry entry) ? StorageContract.Text(entry.Value.Span) : null;

    public async Task FlushAsync()
    {
        Task flush = Engine.FlushAsync(CancellationToken.None).AsTask();
        while (!flush.IsCompleted && Engine.RunOnce()) continue;
        await flush;
    }

    /// <summary>Everything, in order.</summary>
    public string Show()
    {
        using IStorageView view = Engine.OpenView();
        return Show(view, reverse: false);
    }

    public static string Show(IStorageView view, bool reverse)
    {
        using IStorageIterator iterator = view.NewIterator(reverse);
        var entries = new List<string>();
        while (iterator.MoveNext())
            entries.Add($"{StorageContract.Text(iterator.Key)}={StorageContract.Text(iterator.Value)}");
        return string.Join(' ', entries);
    }

    public void Dispose()
    {
        ValueTask closed = Engine.DisposeAsync();
        if (!closed.IsCompleted) closed.AsTask().Wait();
        owned?.Dispose();
    }
}
