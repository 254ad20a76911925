using Nori.Observe;

namespace NoriKV.Node.Replication;

/// <summary>
/// Where the time of a write goes, one behind the other: <c>queue</c> until its leader takes it, <c>replicate</c> until a majority
/// holds it durably, <c>apply</c> until it is in the engine and answered. Beside the second the own log: stage <c>log</c> of the trace.
/// </summary>
internal sealed class WriteStages(IMeter meter, TimeProvider time)
{
    private readonly Histogram _queue = Stage(meter, "queue");
    private readonly Histogram _replicate = Stage(meter, "replicate");
    private readonly Histogram _apply = Stage(meter, "apply");

    /// <summary>The proposal is applied and about to be answered.</summary>
    public void Note(Proposal proposal)
    {
        // Proposals that came to be committed by a later leader than the one that took them have no such stages.
        if (proposal.AppendedAt == 0 || proposal.CommittedAt < proposal.AppendedAt) return;
        long now = time.GetTimestamp();
        _queue.Record(time.GetElapsedTime(proposal.EnqueuedAt, proposal.AppendedAt).TotalSeconds);
        _replicate.Record(time.GetElapsedTime(proposal.AppendedAt, proposal.CommittedAt).TotalSeconds);
        _apply.Record(time.GetElapsedTime(proposal.CommittedAt, now).TotalSeconds);
        if (proposal.Span is not { } span) return;
        span.AddStage("receive", span.StartedAt, proposal.EnqueuedAt);
        span.AddStage("queue", proposal.EnqueuedAt, proposal.AppendedAt);
        span.AddStage("replicate", proposal.AppendedAt, proposal.CommittedAt);
        span.AddStage("apply", proposal.CommittedAt, now);
        proposal.AppliedAt = now;
    }

    private static Histogram Stage(IMeter meter, string stage) => meter.Histogram(
        "kv_write_stage_duration_seconds",
        "Time of one write in a stage: queue until its leader takes it, replicate until a majority holds it, apply until it is answered.",
        Buckets.Latency,
        new Label("stage", stage));
}
