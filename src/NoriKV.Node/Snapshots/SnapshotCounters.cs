using Nori.Observe;

namespace NoriKV.Node.Snapshots;

/// <summary>What happened to streams and frames.</summary>
internal sealed class SnapshotCounters(IMeter meter)
{
    public Counter BytesSent { get; } = meter.Counter("raft_snapshot_sent_bytes_total", "Bytes of snapshot frames sent.");

    public Counter BytesReceived { get; } =
        meter.Counter("raft_snapshot_received_bytes_total", "Bytes of the data of snapshots that came.");

    /// <summary>How long whole ones took.</summary>
    public Histogram SendSeconds { get; } = Duration(meter, "sent");

    public Histogram ReceiveSeconds { get; } = Duration(meter, "received");

    /// <summary>Frames dropped, by why.</summary>
    public SnapshotCounter Damaged { get; } = Refused(meter, "damaged");

    public SnapshotCounter Foreign { get; } = Refused(meter, "foreign");

    public SnapshotCounter Duplicate { get; } = Refused(meter, "duplicate");

    public SnapshotCounter OutOfOrder { get; } = Refused(meter, "out_of_order");

    public SnapshotCounter Unknown { get; } = Refused(meter, "unknown_stream");

    public SnapshotCounter Overflow { get; } = Refused(meter, "inbox_full");

    /// <summary>Streams, by how they ended.</summary>
    public SnapshotCounter Delivered { get; } = Ended(meter, "delivered");

    public SnapshotCounter Failed { get; } = Ended(meter, "failed");

    public SnapshotCounter Received { get; } = Ended(meter, "received");

    /// <summary>Streams that came whole and were not what had been sent.</summary>
    public SnapshotCounter Mismatched { get; } = Ended(meter, "mismatched");

    public SnapshotCounter Discarded { get; } = Ended(meter, "discarded");

    private static Histogram Duration(IMeter meter, string kind) => meter.Histogram(
        "raft_snapshot_duration_seconds", "Time of one snapshot, from its first frame to the peer's word that it has it.",
        Buckets.LongWork, new Label("kind", kind));

    private static SnapshotCounter Refused(IMeter meter, string result) => new(meter.Counter(
        "raft_snapshot_frames_refused_total", "Snapshot frames that were dropped.", new Label("result", result)));

    private static SnapshotCounter Ended(IMeter meter, string result) => new(meter.Counter(
        "raft_snapshots_total", "Snapshots sent and received, by how they ended.", new Label("result", result)));
}
