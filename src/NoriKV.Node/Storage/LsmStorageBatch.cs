using Nori.Lsm;
using NoriKV.Node.Ports;

namespace NoriKV.Node.Storage;

/// <summary>A batch of the engine behind its port.</summary>
internal sealed class LsmStorageBatch : IStorageBatch
{
    public WriteBatch Batch { get; } = new();

    public ulong Watermark
    {
        get => Batch.Watermark;
        set => Batch.Watermark = value;
    }

    public void Put(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value, long expiryUnixMs = 0) =>
        Batch.Put(key, value, expiryUnixMs);

    public void Delete(ReadOnlySpan<byte> key) => Batch.Delete(key);

    public void DeleteRange(ReadOnlySpan<byte> start, ReadOnlySpan<byte> end) => Batch.DeleteRange(start, end);

    public void Clear() => Batch.Clear();
}
