namespace Nori.Raft;

/// <summary>A snapshot that is not whole yet. Disposing keeps what there is, to go on with later.</summary>
public interface ISnapshotStaging : IDisposable
{
    /// <summary>The bytes there are.</summary>
    long Length { get; }

    /// <summary>Adds bytes at the end.</summary>
    void Append(ReadOnlySpan<byte> bytes);

    /// <summary>The CRC-32C of all there is, read back.</summary>
    uint ComputeChecksum();

    /// <summary>Throws away what there is; it may begin anew.</summary>
    void Clear();

    /// <summary>
    /// Makes it the newest whole snapshot, durably: after a crash it is there or the one before is. Older ones may go. Where
    /// one stands that covers as much or more, that one stays and is returned, and this one is thrown away.
    /// </summary>
    /// <param name="checksum">Of all its bytes.</param>
    StoredSnapshot Commit(uint checksum);
}
