namespace Nori.Wal;

/// <summary>Receives the records that opening finds, in order, in the one pass that also checks them.</summary>
public interface IWalReplay
{
    /// <summary>One record. It belongs to a whole batch; later damage does not take it back.</summary>
    /// <param name="position">Where it lies.</param>
    /// <param name="type">The owner's tag.</param>
    /// <param name="storedBytes">Bytes the payload takes in the file: a hint for reading it back.</param>
    /// <param name="payload">Valid during the call.</param>
    void OnRecord(WalPosition position, byte type, int storedBytes, ReadOnlySpan<byte> payload);

    /// <summary>A damaged stretch was skipped (only under <see cref="CorruptionAction.Report"/>).</summary>
    void OnDamage(WalDamage damage)
    {
    }
}
