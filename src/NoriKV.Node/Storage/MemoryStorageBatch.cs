using Nori.Core;
using NoriKV.Node.Ports;

namespace NoriKV.Node.Storage;

/// <summary>A batch of the store in memory.</summary>
internal sealed class MemoryStorageBatch : IStorageBatch
{
    private readonly List<(byte[] Key, StoredItem? Item, byte[]? End)> _writes = [];

    public ulong Watermark { get; set; }

    public void Put(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value, long expiryUnixMs = 0) =>
        _writes.Add((key.ToArray(), new StoredItem(value.ToArray(), expiryUnixMs), null));

    public void Delete(ReadOnlySpan<byte> key) => _writes.Add((key.ToArray(), null, null));

    public void DeleteRange(ReadOnlySpan<byte> start, ReadOnlySpan<byte> end) =>
        _writes.Add((start.ToArray(), null, end.ToArray()));

    public void Clear() => _writes.Clear();

    public Treap? ApplyTo(Treap? tree, Prng random)
    {
        foreach ((byte[] key, StoredItem? item, byte[]? end) in _writes)
        {
            if (end is not null) tree = Treap.DeleteRange(tree, key, end);
            else if (item is { } put) tree = Treap.Put(tree, key, put, random);
            else tree = Treap.Delete(tree, key);
        }

        return tree;
    }
}
