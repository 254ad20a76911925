namespace NoriKV.Transport.Http;

/// <summary>The families and kinds of events, the wire's words (docs/wire.md).</summary>
internal static class EventWords
{
    private static readonly (string Family, string[] Kinds)[] Table =
    [
        ("Wal", ["SegmentRoll", "Fsync", "CorruptionTruncated", "BatchRepaired", "SegmentGc"]),
        ("Lsm", ["FlushTriggered", "FlushStart", "FlushComplete", "L0Stall", "WritePressure"]),
        ("Compaction", ["Scheduled", "Start", "Progress", "Finish"]),
        (
            "Raft",
            [
                "VoteReq", "VoteGranted", "LeaderElected", "StepDown", "MembersChanged", "SnapshotTaken", "SnapshotInstalled",
                "ClockWellness",
            ]),
        ("Swim", ["Alive", "Suspect", "Confirm", "Leave"]),
        ("Shard", ["Plan", "SnapshotStart", "SnapshotDone", "Cutover", "ReplicaSetApart", "ReplicaRebuilt", "ReplicasDiffer"]),
        ("Cache", ["HitRatio"]),
        ("Scrub", ["CorruptionFound", "Finish", "TableSetApart", "DamageDropped"]),
    ];

    public static IReadOnlyList<string> Families { get; } = [.. Table.Select(static row => row.Family)];

    public static IReadOnlyList<string> Kinds { get; } = [.. Table.SelectMany(static row => row.Kinds)];
}
