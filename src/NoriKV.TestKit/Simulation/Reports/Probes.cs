using System.Runtime.InteropServices;
using Nori.Observe;
using NoriKV.Node;

namespace NoriKV.TestKit.Simulation.Reports;

/// <summary>
/// Counts what a run came by: faults done, events of the nodes, rare paths. A path that is never reached is never tested, so
/// those we wait for are listed even where they stand at zero.
/// </summary>
internal sealed class Probes : IEventSink
{
    /// <summary>What many runs together must have reached.</summary>
    public static IReadOnlyList<string> Rare { get; } =
    [
        "raft.elections", "raft.membership_changed", "snapshot.installed", "log.torn_tail", "log.damaged", "log.healed",
        "read.lease_served", "read.lease_refused", "replicas.compared",
        "node.restarted", "node.failed", "disk.full_answer", "write.retried", "write.unknown", "write.replayed",
        "lsm.flush", "lsm.compaction", "wal.segment_gc", "shard.snapshot_cut", "ttl.expired_seen",
    ];

    /// <summary>
    /// As above, of runs in which the cluster changes: memberships change by the production driver, nothing rots and nobody
    /// changes a membership by hand.
    /// </summary>
    public static IReadOnlyList<string> RareOfScenarios { get; } =
    [
        .. Rare.Except(["raft.membership_changed", "log.damaged", "log.healed"]),
        "membership.joint", "membership.changed", "scenario.strike",
    ];

    private readonly Dictionary<string, long> _counts = new(StringComparer.Ordinal);

    /// <summary>Counts by name, sorted.</summary>
    public IReadOnlyDictionary<string, long> Counts => new SortedDictionary<string, long>(_counts, StringComparer.Ordinal);

    /// <summary>Told of every election.</summary>
    public Action<LeaderElected>? Elected { get; set; }

    /// <summary>Counts one, or more.</summary>
    public void Hit(string name, long count = 1) =>
        CollectionsMarshal.GetValueRefOrAddDefault(_counts, name, out _) += count;

    /// <inheritdoc/>
    public void Emit<T>(in T e)
        where T : struct, IEvent
    {
        Hit(Names<T>.Event);
        if (Names<T>.Rare is { } rare) Hit(rare);
        if (typeof(T) == typeof(LeaderElected)) Elected?.Invoke((LeaderElected)(object)e);
    }

    private static class Names<T>
        where T : struct
    {
        public static string Event { get; } = $"event.{typeof(T).Name}";

        public static string? Rare { get; } = typeof(T).Name switch
        {
            "LeaderElected" => "raft.elections",
            "CorruptionTruncated" => "log.torn_tail",
            "FlushComplete" => "lsm.flush",
            "CompactionFinish" => "lsm.compaction",
            "SegmentGc" => "wal.segment_gc",
            "SnapshotCut" => "shard.snapshot_cut",
            "SnapshotInstalled" => "snapshot.installed",
            "LogHealed" => "log.healed",
            _ => null,
        };
    }
}
