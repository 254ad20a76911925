namespace Nori.Swim.Core;

/// <summary>Settings of the core. A tick is a microsecond in every default; the core only compares ticks.</summary>
public sealed record SwimConfig
{
    /// <summary>Ticks in a second under the defaults.</summary>
    public const long Second = 1_000_000;

    /// <summary>Ticks in a millisecond under the defaults.</summary>
    public const long Millisecond = 1_000;

    // Cluster-wide: must match on all members.

    /// <summary>Members of another name are strangers. 1 to 64 of letters, digits, dot, underscore and hyphen.</summary>
    public required string ClusterName { get; init; }

    // Behaviour.

    /// <summary>The protocol period. <value>1 s</value></summary>
    public long ProbeIntervalTicks { get; init; } = Second;

    /// <summary>How long a direct probe waits before others are asked; below the interval. <value>500 ms</value></summary>
    public long ProbeTimeoutTicks { get; init; } = 500 * Millisecond;

    /// <summary>k: members asked to probe in one's place. <value>3</value></summary>
    public int IndirectProbes { get; init; } = 3;

    /// <summary>Whether an unanswered probe is also tried over a stream. <value>true</value></summary>
    public bool StreamProbes { get; init; } = true;

    /// <summary>Shortest suspicion with up to ten members; × log10 n above. <value>2 s</value></summary>
    public long SuspicionMinTicks { get; init; } = 2 * Second;

    /// <summary>Longest suspicion as a multiple of the shortest. <value>3</value></summary>
    public int SuspicionMaxFactor { get; init; } = 3;

    /// <summary>K: accusers after the first that bring a suspicion to its shortest. <value>2</value></summary>
    public int ConfirmationsMax { get; init; } = 2;

    /// <summary>Time between gossip rounds; nothing is sent when there is nothing to tell. <value>200 ms</value></summary>
    public long GossipIntervalTicks { get; init; } = 200 * Millisecond;

    /// <summary>Members told in each gossip round; 0 tells only along with probes. <value>3</value></summary>
    public int GossipFanout { get; init; } = 3;

    /// <summary>λ: an update is sent λ·⌈log10(n + 1)⌉ times. <value>4</value></summary>
    public int RetransmitFactor { get; init; } = 4;

    /// <summary>Time between full exchanges with a random member, up to 32 members. <value>30 s</value></summary>
    public long PushPullIntervalTicks { get; init; } = 30 * Second;

    /// <summary>Time between attempts to reach a failed member again. <value>5 s</value></summary>
    public long ReconnectIntervalTicks { get; init; } = 5 * Second;

    /// <summary>How long a failed member is still told what is said of it. <value>30 s</value></summary>
    public long GossipToFailedTicks { get; init; } = 30 * Second;

    /// <summary>How long those gone are remembered, so that old gossip revives nobody. <value>24 h</value></summary>
    public long GoneRetentionTicks { get; init; } = 24 * 3600 * Second;

    // Lifeguard and our own refinements; all off is the paper of 2002.

    /// <summary>Scale intervals and timeouts by how well this node itself seems. <value>true</value></summary>
    public bool LocalHealth { get; init; } = true;

    /// <summary>Highest local health score. <value>8</value></summary>
    public int LocalHealthMax { get; init; } = 8;

    /// <summary>Shorten suspicions by confirmations instead of one fixed length (the minimum). <value>true</value></summary>
    public bool DynamicSuspicion { get; init; } = true;

    /// <summary>Tell a suspected member so in the very probe that checks it. <value>true</value></summary>
    public bool BuddyNotice { get; init; } = true;

    /// <summary>After a pause of this process move its deadlines by it. <value>true</value></summary>
    public bool PauseCompensation { get; init; } = true;

    /// <summary>A healthy member's probe of us takes its turn to be probed by us. <value>true</value></summary>
    public bool SharedTurns { get; init; } = true;

    /// <summary>About so many members probe a new suspect out of turn; 0 for none. <value>6</value></summary>
    public int ConfirmationProbes { get; init; } = 6;

    // Bounds.

    /// <summary>Largest message for a datagram, before sealing. <value>1352: 1,400 less the envelope</value></summary>
    public int MessageBytesMax { get; init; } = 1352;

    /// <summary>Members remembered at most, those gone included. <value>4096</value></summary>
    public int MembersMax { get; init; } = 4096;

    /// <summary>Largest metadata of a member. <value>512</value></summary>
    public int MetadataBytesMax { get; init; } = 512;

    /// <summary>Other members' probes relayed at once. <value>128</value></summary>
    public int RelaysMax { get; init; } = 128;

    /// <summary>Own probes out at once: the one in turn and those that check suspects. <value>16</value></summary>
    public int ProbesMax { get; init; } = 16;

    /// <summary>Keeps ids and addresses; replaced where many cores share a process.</summary>
    internal Names Names { get; init; } = new();

    /// <summary>The same settings without Lifeguard and our refinements: SWIM as in the paper.</summary>
    public SwimConfig WithoutLifeguard() => this with
    {
        LocalHealth = false,
        DynamicSuspicion = false,
        BuddyNotice = false,
        PauseCompensation = false,
        SharedTurns = false,
        ConfirmationProbes = 0,
    };

    /// <summary>Every problem with these settings; empty when there is none.</summary>
    public IReadOnlyList<string> Validate()
    {
        List<string> problems = [];
        Check(MemberId.IsValid(ClusterName), "ClusterName is 1 to 64 of letters, digits, dot, underscore and hyphen");
        Check(ProbeIntervalTicks > 0, "ProbeIntervalTicks is above 0");
        Check(ProbeTimeoutTicks > 0, "ProbeTimeoutTicks is above 0");
        Check(ProbeTimeoutTicks < ProbeIntervalTicks, "ProbeTimeoutTicks is below ProbeIntervalTicks");
        Check(IndirectProbes is >= 0 and <= 16, "IndirectProbes is 0 to 16");
        Check(SuspicionMinTicks > 0, "SuspicionMinTicks is above 0");
        Check(SuspicionMaxFactor >= 1, "SuspicionMaxFactor is at least 1");
        Check(ConfirmationsMax is >= 0 and <= 16, "ConfirmationsMax is 0 to 16");
        Check(GossipIntervalTicks > 0, "GossipIntervalTicks is above 0");
        Check(GossipFanout is >= 0 and <= 16, "GossipFanout is 0 to 16");
        Check(RetransmitFactor is >= 1 and <= 16, "RetransmitFactor is 1 to 16");
        Check(PushPullIntervalTicks > 0, "PushPullIntervalTicks is above 0");
        Check(ReconnectIntervalTicks > 0, "ReconnectIntervalTicks is above 0");
        Check(GoneRetentionTicks > 0, "GoneRetentionTicks is above 0");
        Check(LocalHealthMax is >= 0 and <= 100, "LocalHealthMax is 0 to 100");
        Check(ConfirmationProbes is >= 0 and <= 64, "ConfirmationProbes is 0 to 64");
        Check(MetadataBytesMax is >= 0 and <= 800, "MetadataBytesMax is 0 to 800");
        Check(
            MessageBytesMax >= Wire.MessageWriter.UpdateBytesMax(MetadataBytesMax) + Wire.MessageWriter.OverheadBytesMax,
            "MessageBytesMax has room for a header and one update with the largest metadata");
        Check(MembersMax is >= 2 and <= 32_767, "MembersMax is 2 to 32767");
        Check(RelaysMax is >= 0 and <= 65_535, "RelaysMax is 0 to 65535");
        Check(ProbesMax is >= 1 and <= 1_024, "ProbesMax is 1 to 1024");
        return problems;

        void Check(bool holds, string rule)
        {
            if (!holds) problems.Add(rule);
        }
    }
}
