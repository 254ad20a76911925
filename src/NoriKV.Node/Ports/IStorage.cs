namespace NoriKV.Node.Ports;

/// <summary>
/// What the state machine needs of an engine: atomic batches, point reads, ordered views. The engine has no log of its
/// own here: the shared Raft log is the log.
/// </summary>
/// <remarks>
/// Reads from any thread; <see cref="Write"/> from several at once. A full disk is a
/// <see cref="Nori.IO.StorageException"/> with IsDiskFull (the write left nothing behind and may be tried again); any other
/// failure of a write is final.
/// </remarks>
public interface IStorage : IAsyncDisposable
{
    /// <summary>The smallest watermark among batches that are not in tables yet; null when all are.</summary>
    ulong? OldestUnflushedWatermark { get; }

    /// <summary>Why the engine takes no more writes for good; null while it works.</summary>
    Exception? Failure { get; }

    /// <summary>An empty batch for this engine.</summary>
    IStorageBatch NewBatch();

    /// <summary>Applies a batch; visible when it returns.</summary>
    void Write(IStorageBatch batch);

    /// <summary>True when <see cref="Ingest"/> works. A replica on another engine cannot be brought by a snapshot.</summary>
    bool TakesTables => false;

    /// <summary>
    /// Adds finished, disjoint tables of a range in which nothing lies: all of them or none, durable when it returns. The
    /// files may be deleted then. A full disk is refused as by <see cref="Write"/>.
    /// </summary>
    /// <exception cref="NotSupportedException">This engine takes no tables.</exception>
    void Ingest(IReadOnlyList<string> tables) => throw new NotSupportedException();

    /// <summary>Reads a key's latest entry; expired ones are returned too.</summary>
    bool TryGet(ReadOnlySpan<byte> key, out StoredEntry entry);

    /// <summary>Freezes what is visible now.</summary>
    IStorageView OpenView();

    /// <summary>Asks for a flush of what is in memory, in the background.</summary>
    void RequestFlush(string reason);

    /// <summary>The log became durable further: tables that waited for it may be installed.</summary>
    void NotifyDurable();

    /// <summary>Flushes what is in memory now and returns when it is in tables.</summary>
    ValueTask FlushAsync(CancellationToken cancellationToken);

    /// <summary>One step of background work where no thread does it; false when there was none.</summary>
    bool RunOnce();
}
