using Nori.Observe;

namespace NoriKV.Node.Replication;

/// <summary>
/// Where the time of a write goes, one behind the other: <c>queue</c> until its leader takes it, <c>replicate</c> until a majority
/// holds it durably, <c>apply</c> until it is in the engine and answered; the first two together are its commit.
/// What a request that is traced is told has more of them: <see cref="Tracing.StageNames"/>.
/// </summary>
/// <remarks>Belongs to one apply worker. What a round came to is recorded at once: that costs a fraction of recording each write.</remarks>
internal sealed class WriteStages(IMeter meter, TimeProvider time)
{
    private readonly Values _queue = new(Stage(meter, "queue"));
    private readonly Values _replicate = new(Stage(meter, "replicate"));
    private readonly Values _apply = new(Stage(meter, "apply"));
    private readonly Values _commit = new(meter.Histogram(
        "raft_commit_duration_seconds", "From a proposal's arrival to its durability on a majority.", Buckets.Latency));

    /// <summary>The proposal is applied, in a round that began then, and about to be answered.</summary>
    public void Note(Proposal proposal, long began)
    {
        if (proposal.CommittedAt != 0)
        {
            double waited = Seconds(proposal.EnqueuedAt, proposal.CommittedAt);
            if (proposal.Probe?.Span is { } span) _commit.Of.Record(waited, span.Context);
            else _commit.Add(waited);
        }

        // Proposals that came to be committed by a later leader than the one that took them have no such stages.
        if (proposal.AppendedAt == 0 || proposal.CommittedAt < proposal.AppendedAt) return;
        long now = time.GetTimestamp();
        (proposal.ApplyBeganAt, proposal.AppliedAt) = (began, now);
        _queue.Add(Seconds(proposal.EnqueuedAt, proposal.AppendedAt));
        _replicate.Add(Seconds(proposal.AppendedAt, proposal.CommittedAt));
        _apply.Add(Seconds(proposal.CommittedAt, now));
    }

    /// <summary>Records what was noted; before it is answered, so that whoever got an answer finds it counted.</summary>
    public void Record()
    {
        _queue.Record();
        _replicate.Record();
        _apply.Record();
        _commit.Record();
    }

    private double Seconds(long from, long to) => time.GetElapsedTime(from, to).TotalSeconds;

    private static Histogram Stage(IMeter meter, string stage) => meter.Histogram(
        "kv_write_stage_duration_seconds",
        "Time of one write in a stage: queue until its leader takes it, replicate until a majority holds it, apply until it is answered.",
        Buckets.Latency,
        new Label("stage", stage));

    private sealed class Values(Histogram of)
    {
        private readonly double[] _values = new double[256];
        private int _count;

        public Histogram Of => of;

        public void Add(double value)
        {
            if (_count == _values.Length) Record();
            _values[_count++] = value;
        }

        public void Record()
        {
            if (_count == 0) return;
            of.Record(_values.AsSpan(0, _count));
            _count = 0;
        }
    }
}
