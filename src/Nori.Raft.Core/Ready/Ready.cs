namespace Nori.Raft.Core;

/// <summary>
/// Everything that a replica wants done, since the Ready before. It is the one place that says what must be
/// durable before what: see each field. Readies may be taken while earlier ones are still being written; they
/// are written in order.
/// </summary>
public sealed class Ready
{
    /// <summary>Counts up by one; goes back as <see cref="Persisted"/> when the Ready is durable.</summary>
    public required ulong Number { get; init; }

    /// <summary>Store this with the entries, in the same write or behind them; null when unchanged.</summary>
    public HardState? HardState { get; init; }

    /// <summary>
    /// Store this: the snapshot takes the place of the whole log. It is already on disk, staged; make it the
    /// state of the group, then forget the log up to its index, then count the Ready as durable. Comes before
    /// the entries.
    /// </summary>
    public SnapshotMeta? Snapshot { get; init; }

    /// <summary>
    /// Store these: they replace whatever the log holds from their first index on. Where the first one of a
    /// term is
    /// <see cref="NoOp"/> or one is a configuration, the core itself made it.
    /// </summary>
    public required EntryRange Entries { get; init; }

    /// <summary>
    /// The empty entry, among <see cref="Entries"/>, with which this leader begins its term; 0 if there is
    /// none.
    /// </summary>
    public LogIndex NoOp { get; init; }

    /// <summary>
    /// Send these at once; they promise nothing about this replica's disk. A leader's appends are here: its
    /// own write runs beside them (dissertation §10.2.1).
    /// </summary>
    public required IReadOnlyList<RaftMessage> Messages { get; init; }

    /// <summary>
    /// Send these only when this Ready <b>and all earlier ones</b> are durable: each says that something is
    /// (an append accepted, a vote given, a vote for oneself). May be non-empty when this Ready itself has
    /// nothing to store.
    /// </summary>
    public required IReadOnlyList<RaftMessage> MessagesAfterPersist { get; init; }

    /// <summary>
    /// Apply these, in order. They are durable on a majority already, so nothing of this replica's own disk
    /// need be awaited; what is applied must not become durable before the log up to there is. Empty range:
    /// first above last.
    /// </summary>
    public required (LogIndex First, LogIndex Last) Committed { get; init; }

    /// <summary>Reads that may go on once the state is applied to their index. Nothing to await.</summary>
    public required IReadOnlyList<ReadState> ReadStates { get; init; }

    /// <summary>
    /// Peers that need a snapshot: send one that covers at least the index, then call
    /// <see cref="RaftCore.ReportSnapshot"/>. Nothing to await; what it holds is applied, hence committed.
    /// </summary>
    public required IReadOnlyList<SnapshotRequest> SnapshotRequests { get; init; }

    /// <summary>What happened, for observers. Nothing to await.</summary>
    public required IReadOnlyList<RaftEvent> Events { get; init; }

    /// <summary>
    /// True when this Ready must be synced: entries, a snapshot, or a term or vote. When only the commit
    /// index changed it may be written without a sync; the Ready counts as durable once all earlier ones are.
    /// </summary>
    public required bool MustSync { get; init; }

    /// <summary>True when there are entries to apply.</summary>
    public bool HasCommitted => Committed.First <= Committed.Last && Committed.Last.Value > 0;
}
