namespace Nori.Lsm;

/// <summary>Range tombstones that a reader can ask about a key; immutable as far as the reader sees.</summary>
internal abstract class RangeTombstoneCover
{
    public abstract bool IsEmpty { get; }

    /// <summary>
    /// The newest tombstone at or below <paramref name="maxSequence"/> that covers the key; 0 when none does.
    /// </summary>
    public abstract ulong Covering(ReadOnlySpan<byte> key, ulong maxSequence);
}
