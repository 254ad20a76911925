using Nori.Observe;

namespace NoriKV.Node.Replication;

/// <summary>
/// Where the time of a write goes, one behind the other: <c>queue</c> until its leader takes it, <c>replicate</c> until a majority
/// holds it durably, <c>apply</c> until it is in the engine and answered.
/// What a request that is traced is told has more of them: <see cref="Tracing.StageNames"/>.
/// </summary>
internal sealed class WriteStages(IMeter meter, TimeProvider time)
{
    private readonly Histogram _queue = Stage(meter, "queue");
    private readonly Histogram _replicate = Stage(meter, "replicate");
    private readonly Histogram _apply = Stage(meter, "apply");

    /// <summary>The proposal is applied, in a round that began then, and about to be answered.</summary>
    public void Note(Proposal proposal, long began)
    {
        // Proposals that came to be committed by a later leader than the one that took them have no such stages.
        if (proposal.AppendedAt == 0 || proposal.CommittedAt < proposal.AppendedAt) return;
        long now = time.GetTimestamp();
        (proposal.ApplyBeganAt, proposal.AppliedAt) = (began, now);
        _queue.Record(time.GetElapsedTime(proposal.EnqueuedAt, proposal.AppendedAt).TotalSeconds);
        _replicate.Record(time.GetElapsedTime(proposal.AppendedAt, proposal.CommittedAt).TotalSeconds);
        _apply.Record(time.GetElapsedTime(proposal.CommittedAt, now).TotalSeconds);
    }

    private static Histogram Stage(IMeter meter, string stage) => meter.Histogram(
        "kv_write_stage_duration_seconds",
        "Time of one write in a stage: queue until its leader takes it, replicate until a majority holds it, apply until it is answered.",
        Buckets.Latency,
        new Label("stage", stage));
}
