namespace Nori.Lsm;

/// <summary>
/// Who runs the engine on a log of its own (<see cref="LsmWalMode.None"/>). A flushed table says that the data
/// up to some
/// watermark of the owner's log exists; so it enters the manifest only when the owner says that its log is
/// durable so far.
/// </summary>
/// <remarks>All calls are cheap, may come from any thread, and must not call back into the engine.</remarks>
public interface ILsmOwner
{
    /// <summary>The memtable takes no more writes. Called while no write runs.</summary>
    void OnMemtableSealed(ulong memtable);

    /// <summary>
    /// Whether the flushed memtable, whose greatest batch watermark is <paramref name="maxWatermark"/> (0: none
    /// was given),
    /// may enter the manifest. After false the engine asks again on <see cref="LsmEngine.NotifyDurable"/>.
    /// </summary>
    bool MayInstall(ulong memtable, ulong maxWatermark);

    /// <summary>The memtable's data is durable in tables.</summary>
    void OnFlushed(ulong memtable);

    /// <summary>
    /// Unix milliseconds: an entry of this key that expires at or before it may be dropped for good.
    /// </summary>
    long ExpiryCutoff(ReadOnlySpan<byte> key);

    /// <summary>A table was set apart because a part of it cannot be read; see <see cref="LsmEngine.DamagedTables"/>.</summary>
    void OnTableDamaged(ulong table)
    {
    }
}
