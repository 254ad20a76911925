using System.Text;
using NoriKV.Node.Ports;

namespace NoriKV.Node.Tests;

/// <summary>An engine for unit tests: a sorted dictionary that remembers its batches.</summary>
internal sealed class SortedStorage : IStorage
{
    private readonly SortedDictionary<byte[], (byte[] Value, long Expiry)> _entries = new(
        Comparer<byte[]>.Create(static (a, b) => a.AsSpan().SequenceCompareTo(b)));

    public List<List<(byte[] Key, byte[]? Value)>> Batches { get; } = [];

    public ulong? OldestUnflushedWatermark => null;

    public Exception? Failure => null;

    public IStorageBatch NewBatch() => new Batch();

    public void Write(IStorageBatch batch)
    {
        List<(byte[], byte[]?)> writes = [];
        foreach ((byte[] key, byte[]? value, long expiry) in ((Batch)batch).Writes)
        {
            writes.Add((key, value));
            if (value is null) _entries.Remove(key);
            else _entries[key] = (value, expiry);
        }

        Batches.Add(writes);
    }

    public bool TryGet(ReadOnlySpan<byte> key, out StoredEntry entry)
    {
        bool found = _entries.TryGetValue(key.ToArray(), out (byte[] Value, long Expiry) stored);
        entry = new StoredEntry(stored.Value, stored.Expiry);
        return found;
    }

    public void Clear()
    {
        _entries.Clear();
        Batches.Clear();
    }

    public string Dump()
    {
        var text = new StringBuilder();
        foreach ((byte[] key, (byte[] value, long expiry)) in _entries)
        {
            text.AppendLine($"{Convert.ToHexString(key)}={Convert.ToHexString(value)}@{expiry}");
        }

        return text.ToString();
    }

    public IStorageView OpenView() => throw new NotSupportedException();

    public void RequestFlush(string reason)
    {
    }

    public void NotifyDurable()
    {
    }

    public ValueTask FlushAsync(CancellationToken cancellationToken) => default;

    public bool RunOnce() => false;

    public ValueTask DisposeAsync() => default;

    private sealed class Batch : IStorageBatch
    {
        public List<(byte[] Key, byte[]? Value, long Expiry)> Writes { get; } = [];

        public ulong Watermark { get; set; }

        public void Put(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value, long expiryUnixMs = 0) =>
            Writes.Add((key.ToArray(), value.ToArray(), expiryUnixMs));

        public void Delete(ReadOnlySpan<byte> key) => Writes.Add((key.ToArray(), null, 0));

        public void DeleteRange(ReadOnlySpan<byte> start, ReadOnlySpan<byte> end) => throw new NotSupportedException();

        public void Clear() => Writes.Clear();
    }
}
