using Nori.Observe;

namespace Nori.Raft;

/// <summary>The replica's series, made once.</summary>
internal sealed class RaftMetrics(IMeter meter)
{
    public Counter Elections { get; } = meter.Counter("raft_elections_total", "Campaigns begun here.");

    public Counter LeaderChanges { get; } = meter.Counter("raft_leader_changes_total", "Leaders seen here.");

    public Counter DroppedFrames { get; } =
        meter.Counter("raft_frames_dropped_total", "Frames that arrived damaged, or with no room for them.");

    public Histogram Commit { get; } = meter.Histogram(
        "raft_commit_duration_seconds", "From the log of the leader to a majority.", Buckets.Latency);

    public Histogram Apply { get; } = meter.Histogram(
        "raft_apply_duration_seconds", "A batch of entries in the state machine.", Buckets.Latency);
}
