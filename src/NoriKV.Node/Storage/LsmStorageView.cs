using Nori.Lsm;
using NoriKV.Node.Ports;

namespace NoriKV.Node.Storage;

/// <summary>A snapshot of the engine behind its port.</summary>
internal sealed class LsmStorageView : IStorageView
{
    private readonly LsmStorage _storage;
    private readonly LsmEngine _engine;
    private readonly LsmSnapshot _snapshot;
    private readonly LsmReadOptions _options;

    public LsmStorageView(LsmStorage storage, LsmEngine engine)
    {
        _storage = storage;
        _engine = engine;
        _snapshot = engine.Snapshot();
        _options = new LsmReadOptions { Snapshot = _snapshot, IncludeExpired = true };
    }

    public bool TryGet(ReadOnlySpan<byte> key, out StoredEntry entry) => _storage.TryGet(key, _options, out entry);

    public IStorageIterator NewIterator(bool reverse) =>
        new LsmStorageIterator(_engine.Scan(ScanRange.Between(default, null, reverse), _options));

    public void Dispose() => _snapshot.Dispose();

    private sealed class LsmStorageIterator(LsmIterator iterator) : IStorageIterator
    {
        public ReadOnlySpan<byte> Key => iterator.Key;

        public ReadOnlySpan<byte> Value => iterator.Value;

        public long ExpiryUnixMs => iterator.ExpiryUnixMs;

        public void Seek(ReadOnlySpan<byte> key) => iterator.Seek(key);

        public bool MoveNext() => iterator.MoveNext();

        public void Dispose() => iterator.Dispose();
    }
}
