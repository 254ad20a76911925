namespace Nori.Lsm;

/// <summary>
/// There is no space left: this write was refused and left nothing behind. Reads go on; writes are taken again, without any call,
/// once a flush or a compaction got through, or nothing waits to be flushed and <see cref="BytesNeeded"/> are free.
/// </summary>
/// <param name="directory">The engine's directory.</param>
/// <param name="bytesNeeded">See <see cref="BytesNeeded"/>.</param>
/// <param name="cause">The failure that showed it.</param>
public sealed class LsmDiskFullException(string directory, long bytesNeeded, Exception? cause) : IOException(
    $"no space left where {directory} lies; writes are refused until background work fits or {bytesNeeded} bytes are free there",
    cause)
{
    /// <summary>The engine's directory.</summary>
    public string Directory { get; } = directory;

    /// <summary>Free bytes that let writes in again: twice <see cref="LsmOptions.MemtableBytes"/>.</summary>
    public long BytesNeeded { get; } = bytesNeeded;
}
