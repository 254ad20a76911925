using Nori.Observe;

namespace NoriKV.Node.Replication;

/// <summary>The metrics of a node's groups, together.</summary>
internal sealed class HostMetrics(IMeter meter)
{
    public Histogram ReadIndex { get; } = meter.Histogram(
        "raft_read_index_duration_seconds", "From a read's arrival until it may look at the state.", Buckets.Latency);

    public Counter Elections { get; } = meter.Counter("raft_elections_total", "Elections this node began.");

    public Counter LeaderChanges { get; } = meter.Counter("raft_leader_changes_total", "Changes of leader seen.");

    public Counter Foreign { get; } = meter.Counter(
        "raft_foreign_messages_total", "Messages dropped because they are for or of a replica that is not there.");

    public Counter Dropped { get; } = meter.Counter(
        "raft_messages_dropped_total", "Messages dropped because too many wait.");

    public Counter Arrived { get; } = meter.Counter(
        "replicas_arrived_total", "Replicas that came to this node, each as a learner at first.");

    public Counter Removed { get; } = meter.Counter("replicas_removed_total", "Replicas that left this node.");

    public Counter BadFrames { get; } = meter.Counter(
        "peer_bad_frames_total", "Frames of peers that could not be read, or were of another cluster.");
}
