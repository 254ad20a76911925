namespace NoriKV.Node.Ports;

/// <summary>The engine as of one moment. Hold it briefly: what it sees is not reclaimed.</summary>
public interface IStorageView : IDisposable
{
    /// <summary>Reads a key as of then; expired entries are returned too.</summary>
    bool TryGet(ReadOnlySpan<byte> key, out StoredEntry entry);

    /// <summary>An iterator over all engine keys as of then, ascending or descending.</summary>
    IStorageIterator NewIterator(bool reverse);
}
