namespace Nori.Lsm.Iteration;

/// <summary>Walks entries in internal order: user key ascending, then sequence descending.</summary>
/// <remarks>One owner. The spans are valid until the next move.</remarks>
internal abstract class InternalIterator : IDisposable
{
    public abstract bool Valid { get; }

    public abstract ReadOnlySpan<byte> UserKey { get; }

    /// <summary>Sequence and kind, see <see cref="Trailer"/>.</summary>
    public abstract ulong TrailerValue { get; }

    public abstract ReadOnlySpan<byte> Value { get; }

    public abstract void SeekToFirst();

    public abstract void SeekToLast();

    /// <summary>
    /// To the first entry at or behind (key, sequence): of the key only those at or below the sequence.
    /// </summary>
    public abstract void Seek(ReadOnlySpan<byte> userKey, ulong sequence);

    /// <summary>
    /// To the last entry at or before (key, sequence): of the key only those at or above the sequence.
    /// </summary>
    public abstract void SeekForPrev(ReadOnlySpan<byte> userKey, ulong sequence);

    public abstract void Next();

    public abstract void Prev();

    public void Dispose()
    {
        Dispose(true);
        GC.SuppressFinalize(this);
    }

    protected virtual void Dispose(bool disposing)
    {
    }
}
