namespace Nori.Wal;

/// <summary>When an append completes.</summary>
public enum SyncPolicy
{
    /// <summary>After the fdatasync that covers it; nothing ever waits for company.</summary>
    Always,

    /// <summary>
    /// After the fdatasync that covers it; under load it may wait <see cref="WalOptions.BatchWindow"/> for company.
    /// </summary>
    Batch,

    /// <summary>
    /// When the bytes are with the operating system: they survive the death of the process, not a loss of power.
    /// </summary>
    Os,
}
