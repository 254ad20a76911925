namespace Nori.Raft.Core;

/// <summary>The constants of one replica. Timing must match within a group.</summary>
public sealed record RaftOptions
{
    /// <summary>The group.</summary>
    public required GroupId Group { get; init; }

    /// <summary>This replica.</summary>
    public required ReplicaId Replica { get; init; }

    /// <summary>
    /// Draws election timeouts and request ids. Give another one at each start of the process, or answers to
    /// requests of the process before could be taken for one's own.
    /// </summary>
    public required ulong Seed { get; init; }

    /// <summary>
    /// The least election timeout, and for how long voters are loyal to a leader they heard from.
    /// </summary>
    /// <value>Default 12 ticks: 600 ms.</value>
    public int ElectionTicksMin { get; init; } = 12;

    /// <summary>The greatest election timeout.</summary>
    /// <value>Default 24 ticks: 1,200 ms.</value>
    public int ElectionTicksMax { get; init; } = 24;

    /// <summary>The time between heartbeats.</summary>
    /// <value>Default 3 ticks: 150 ms.</value>
    public int HeartbeatTicks { get; init; } = 3;

    /// <summary>
    /// The length of a tick in the unit of the stamps given to <see cref="RaftCore.TakeReady"/>.
    /// </summary>
    /// <value>Default 50 ms.</value>
    public long TickNanoseconds { get; init; } = 50_000_000;

    /// <summary>
    /// No lease is longer. The lease is the lesser of this and 0.9 × the least election timeout − one tick:
    /// clocks may drift apart by a tenth, and a tick may be counted just after a heartbeat came. 0 for no
    /// leases.
    /// </summary>
    /// <value>Default 2 s.</value>
    public long LeaseNanosecondsMax { get; init; } = 2_000_000_000;

    /// <summary>Bytes of entries in one append; a larger entry travels alone.</summary>
    /// <value>Default 1 MiB.</value>
    public long MessageBytesMax { get; init; } = 1 << 20;

    /// <summary>Entries in one append.</summary>
    /// <value>Default 4,096.</value>
    public int MessageEntriesMax { get; init; } = 4096;

    /// <summary>Appends on their way to one peer.</summary>
    /// <value>Default 256.</value>
    public int InflightMessagesMax { get; init; } = 256;

    /// <summary>Bytes on their way to one peer.</summary>
    /// <value>Default 16 MiB.</value>
    public long InflightBytesMax { get; init; } = 16 << 20;

    /// <summary>
    /// Bytes that wait for their commit; beyond, proposals are refused. One proposal is always let in.
    /// </summary>
    /// <value>Default 64 MiB.</value>
    public long UncommittedBytesMax { get; init; } = 64 << 20;

    /// <summary>
    /// Whether followers are told at once that more is committed, by an append of its own where nothing else is to be sent.
    /// False: with the next append or heartbeat, when a configuration is, or when one of them reads. That is half as many
    /// messages, and followers apply up to a heartbeat later.
    /// </summary>
    /// <value>Default true.</value>
    public bool TellsCommitAtOnce { get; init; } = true;

    /// <summary>Reads that wait for a round.</summary>
    /// <value>Default 65,536.</value>
    public int PendingReadsMax { get; init; } = 65_536;

    /// <summary>
    /// Rounds with reads on their way; a read that comes later waits for one to return or for the heartbeat.
    /// </summary>
    /// <value>Default 4.</value>
    public int ReadRoundsMax { get; init; } = 4;

    /// <summary>A learner that lags by no more entries than this may become a voter.</summary>
    /// <value>Default 1,000.</value>
    public ulong PromotionLagMax { get; init; } = 1000;

    /// <summary>How long a confirmed round lasts.</summary>
    public long LeaseNanoseconds =>
        Math.Max(0, Math.Min(LeaseNanosecondsMax, (ElectionTicksMin * TickNanoseconds / 10 * 9) - TickNanoseconds));

    /// <summary>Every problem with these options; empty when there is none.</summary>
    public IReadOnlyList<string> Validate()
    {
        List<string> problems = [];
        if (Replica.IsNone) problems.Add($"{nameof(Replica)} must not be 0");
        if (HeartbeatTicks < 1) problems.Add($"{nameof(HeartbeatTicks)} must be at least 1");
        if (ElectionTicksMin < 2 * HeartbeatTicks)
            problems.Add($"{nameof(ElectionTicksMin)} must be at least twice {nameof(HeartbeatTicks)}");
        if (ElectionTicksMax <= ElectionTicksMin)
            problems.Add($"{nameof(ElectionTicksMax)} must be above {nameof(ElectionTicksMin)}, or elections tie");
        if (TickNanoseconds < 1) problems.Add($"{nameof(TickNanoseconds)} must be positive");
        if (LeaseNanosecondsMax < 0) problems.Add($"{nameof(LeaseNanosecondsMax)} must not be negative");
        if (MessageBytesMax < 1) problems.Add($"{nameof(MessageBytesMax)} must be positive");
        if (MessageEntriesMax < 1) problems.Add($"{nameof(MessageEntriesMax)} must be positive");
        if (InflightMessagesMax < 1) problems.Add($"{nameof(InflightMessagesMax)} must be positive");
        if (InflightBytesMax < 1) problems.Add($"{nameof(InflightBytesMax)} must be positive");
        if (UncommittedBytesMax < 1) problems.Add($"{nameof(UncommittedBytesMax)} must be positive");
        if (PendingReadsMax < 1) problems.Add($"{nameof(PendingReadsMax)} must be positive");
        if (ReadRoundsMax < 1) problems.Add($"{nameof(ReadRoundsMax)} must be positive");
        return problems;
    }
}
