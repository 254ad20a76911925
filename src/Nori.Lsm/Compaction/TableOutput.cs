using Nori.Core;
using Nori.Lsm.Versions;
using Nori.SSTable;

namespace Nori.Lsm.Compaction;

/// <summary>One table being written, with the bounds that the manifest needs.</summary>
internal sealed class TableOutput : IDisposable
{
    private readonly TableBuilder _builder;
    private readonly ulong _number;
    private readonly KeyBuffer _lastKey = new();
    private byte[]? _smallest;
    private byte[]? _greatestEnd;

    public TableOutput(LsmOptions options, TableStore store, ulong number, int level)
    {
        _number = number;
        _builder = new TableBuilder(options.FileSystem, store.PathOf(number), new TableOptions
        {
            BlockBytes = options.BlockBytes,
            IndexBlockBytes = options.BlockBytes,
            BloomBitsPerKey = options.BloomBitsPerKey,
            Compression = options.CompressionOf(level),
            TargetFileBytes = options.TargetFileBytes,
            TableId = number,
        });
    }

    public long EstimatedBytes => _builder.EstimatedFileBytes;

    public bool IsFull => _builder.IsFull;

    public void Add(ReadOnlySpan<byte> key, ulong trailer, ReadOnlySpan<byte> value)
    {
        _builder.Add(key, Trailer.SequenceOf(trailer), Trailer.KindOf(trailer), value);
        _smallest ??= key.ToArray();
        _lastKey.Set(key);
    }

    public void AddRangeDelete(byte[] start, byte[] end, ulong sequence)
    {
        _builder.AddRangeDelete(start, end, sequence);
        if (_smallest is null || start.AsSpan().SequenceCompareTo(_smallest) < 0) _smallest = start;
        if (_greatestEnd is null || end.AsSpan().SequenceCompareTo(_greatestEnd) > 0) _greatestEnd = end;
    }

    /// <summary>Finishes and syncs the file; its name becomes durable with the directory.</summary>
    public TableMeta Finish()
    {
        TableProperties properties = _builder.Finish();
        bool endsWithKey = _greatestEnd is null
            || (_lastKey.HasValue && _lastKey.Span.SequenceCompareTo(_greatestEnd) >= 0);
        Invariant.Assert(_smallest is not null);
        return new TableMeta
        {
            Number = _number,
            Bytes = properties.FileBytes,
            Smallest = _smallest,
            Largest = endsWithKey ? _lastKey.Span.ToArray() : _greatestEnd!,
            LargestIsExclusive = !endsWithKey,
            SmallestSequence = properties.SmallestSequence,
            LargestSequence = properties.LargestSequence,
            Entries = properties.Entries,
            Deletes = properties.Deletes,
            RangeDeletes = properties.RangeDeletes,
            Expiring = properties.ExpiringEntries,
        };
    }

    public void Abandon() => _builder.Abandon();

    public void Dispose() => _builder.Dispose();
}
