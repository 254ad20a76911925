using Nori.Core;

namespace Nori.Wal;

/// <summary>
/// What gathers while a sync runs: the records of all callers, to be written together, and who waits for them.
/// </summary>
internal sealed class AppendRound(WalOptions options) : IDisposable
{
    private readonly List<WalBatch> _batches = [new(options.Compression, options.CompressionThresholdBytes)];

    /// <summary>Everybody who waits, in order of arrival.</summary>
    public List<AppendOperation> Operations { get; } = [];

    /// <summary>The write batches, in order; only the first may be empty.</summary>
    public IReadOnlyList<WalBatch> Batches => _batches;

    /// <summary>Bytes gathered.</summary>
    public long Bytes { get; private set; }

    public void Add(AppendOperation operation, byte type, ReadOnlySpan<byte> payload)
    {
        WalBatch batch = Room(payload.Length + WalFormat.BatchOverheadBytes);
        int before = batch.Bytes;
        operation.Batch = batch;
        operation.First = batch.Count;
        batch.Add(type, payload);
        Bytes += batch.Bytes - before;
        Operations.Add(operation);
    }

    public void Add(AppendOperation operation, WalBatch records)
    {
        WalBatch batch = Room(records.Bytes);
        operation.Batch = batch;
        operation.First = batch.AddAll(records);
        Bytes += records.Bytes;
        Operations.Add(operation);
    }

    public void Add(AppendOperation operation) => Operations.Add(operation);

    public void Clear()
    {
        for (int i = 1; i < _batches.Count; i++) _batches[i].Dispose();
        _batches.RemoveRange(1, _batches.Count - 1);
        _batches[0].Clear();
        Operations.Clear();
        Bytes = 0;
    }

    public void Dispose()
    {
        foreach (WalBatch batch in _batches) batch.Dispose();
        _batches.Clear();
    }

    private WalBatch Room(int bytes)
    {
        WalBatch last = _batches[^1];
        if (last.Count == 0 || last.Bytes + (long)bytes <= options.BatchBytesMax) return last;
        Invariant.Assert(bytes <= options.BatchBytesMax);
        _batches.Add(new WalBatch(options.Compression, options.CompressionThresholdBytes));
        return _batches[^1];
    }
}
