namespace NoriKV.Node.Diagnosis;

/// <summary>From when on something is a finding.</summary>
public sealed record DiagnosisOptions
{
    /// <summary>How long a member may take to answer. <value>2 s</value></summary>
    public TimeSpan AnswerTimeout { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>The 99th percentile of a minute's syncs may be so long. <value>100 ms</value></summary>
    public TimeSpan SyncP99Max { get; init; } = TimeSpan.FromMilliseconds(100);

    /// <summary>With fewer syncs in that minute nothing is said of the percentile. <value>20</value></summary>
    public int SyncsMin { get; init; } = 20;

    /// <summary>A wall clock may be so far off the median of the nodes. <value>100 ms</value></summary>
    public TimeSpan ClockGapMax { get; init; } = TimeSpan.FromMilliseconds(100);

    /// <summary>Entries that a replica's log may be behind its leader's. <value>10,000</value></summary>
    public long LagEntriesMax { get; init; } = 10_000;

    /// <summary>Part of the most bytes that may be committed and not applied. <value>0.5</value></summary>
    public double ApplyBacklogPart { get; init; } = 0.5;

    /// <summary>A move may stand for so long. <value>5 min</value></summary>
    public TimeSpan MoveMax { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>From so long a silence towards the meta leader on a node counts as dead. <value>1 min</value></summary>
    public TimeSpan SilenceMax { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>Space below so many times the reserve is nearly none. <value>4</value></summary>
    public int ReservesFree { get; init; } = 4;

    /// <summary>A certificate should last so long. <value>21 days</value></summary>
    public TimeSpan CertificateLeft { get; init; } = TimeSpan.FromDays(21);

    /// <summary>Every problem with these options, in words; empty when there is none.</summary>
    public IReadOnlyList<string> Validate()
    {
        var problems = new List<string>();
        Require(AnswerTimeout > TimeSpan.Zero, "Diagnosis.AnswerTimeout must be positive");
        Require(SyncP99Max > TimeSpan.Zero, "Diagnosis.SyncP99Max must be positive");
        Require(SyncsMin >= 1, "Diagnosis.SyncsMin must be positive");
        Require(ClockGapMax > TimeSpan.Zero, "Diagnosis.ClockGapMax must be positive");
        Require(LagEntriesMax >= 1, "Diagnosis.LagEntriesMax must be positive");
        Require(ApplyBacklogPart is > 0 and <= 1, "Diagnosis.ApplyBacklogPart must lie between 0 and 1");
        Require(MoveMax > TimeSpan.Zero, "Diagnosis.MoveMax must be positive");
        Require(SilenceMax > TimeSpan.Zero, "Diagnosis.SilenceMax must be positive");
        Require(ReservesFree >= 1, "Diagnosis.ReservesFree must be positive");
        Require(CertificateLeft >= TimeSpan.Zero, "Diagnosis.CertificateLeft must not be negative");
        return problems;

        void Require(bool good, string problem)
        {
            if (!good) problems.Add(problem);
        }
    }
}
