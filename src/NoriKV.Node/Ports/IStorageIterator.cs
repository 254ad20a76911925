namespace NoriKV.Node.Ports;

/// <summary>Walks engine keys in one direction, over what was there when its view was opened. Includes expired entries.</summary>
/// <remarks>One thread at a time. Spans are valid until the next move.</remarks>
public interface IStorageIterator : IDisposable
{
    /// <summary>The current key.</summary>
    ReadOnlySpan<byte> Key { get; }

    /// <summary>The current value.</summary>
    ReadOnlySpan<byte> Value { get; }

    /// <summary>When the current entry expires, in Unix milliseconds; 0 never.</summary>
    long ExpiryUnixMs { get; }

    /// <summary>
    /// Makes the next <see cref="MoveNext"/> go to the first entry at or behind the key, in the walk's direction.
    /// </summary>
    void Seek(ReadOnlySpan<byte> key);

    /// <summary>Goes to the next entry; false at the end.</summary>
    bool MoveNext();
}
