using Nori.Observe;
using Nori.Swim.Core;

namespace Nori.Swim;

/// <summary>Settings of a node.</summary>
public sealed record SwimOptions
{
    // A timer takes no more than some weeks, and says so only when it is made.
    private static readonly TimeSpan TimeoutMax = TimeSpan.FromDays(1);

    // Cluster-wide: must match on all members.

    /// <summary>Members of another name are strangers.</summary>
    public required string ClusterName { get; init; }

    /// <summary>
    /// Shared secrets of 16 bytes or more: the first one seals, each one opens. Empty: nothing is sealed, and whoever
    /// reaches the port may speak. <value>empty</value>
    /// </summary>
    public IReadOnlyList<ReadOnlyMemory<byte>> Keys { get; init; } = [];

    // Behaviour.

    /// <summary>This node's id, its own in the cluster: 1 to 64 of letters, digits, dot, underscore, hyphen.</summary>
    public required string NodeId { get; init; }

    /// <summary>Where to listen, UDP and TCP; port 0 takes a free one. <value>127.0.0.1:0</value></summary>
    public string ListenAddress { get; init; } = "127.0.0.1:0";

    /// <summary>Where others reach this node; needed where it listens on every address. <value>null</value></summary>
    public string? AdvertiseAddress { get; init; }

    /// <summary>What this node says of itself.</summary>
    public SwimMetadata Metadata { get; init; } = new();

    /// <summary>
    /// Incarnation to begin with: above the last one, where the caller kept it; what others remember of a former life
    /// raises it anyway. At most 2^48: unix milliseconds will do. <value>0</value>
    /// </summary>
    public ulong Incarnation { get; init; }

    /// <summary>The protocol period. <value>1 s</value></summary>
    public TimeSpan ProbeInterval { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>How long a direct probe waits. <value>500 ms</value></summary>
    public TimeSpan ProbeTimeout { get; init; } = TimeSpan.FromMilliseconds(500);

    /// <summary>Members asked to probe in one's place. <value>3</value></summary>
    public int IndirectProbes { get; init; } = 3;

    /// <summary>Shortest suspicion with up to ten members; × log10 n above. <value>2 s</value></summary>
    public TimeSpan SuspicionMin { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>Longest suspicion as a multiple of the shortest. <value>3</value></summary>
    public int SuspicionMaxFactor { get; init; } = 3;

    /// <summary>Time between gossip rounds, when there is something to tell. <value>200 ms</value></summary>
    public TimeSpan GossipInterval { get; init; } = TimeSpan.FromMilliseconds(200);

    /// <summary>Time between full exchanges with a random member. <value>30 s</value></summary>
    public TimeSpan PushPullInterval { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>How long a stream request may take. <value>5 s</value></summary>
    public TimeSpan StreamTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>How long leaving tells of it at most. <value>2 s</value></summary>
    public TimeSpan LeaveTimeout { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>How far the clock of a sender first heard may be off, with keys. <value>2 min</value></summary>
    public TimeSpan ClockTolerance { get; init; } = TimeSpan.FromMinutes(2);

    // Bounds.

    /// <summary>Members remembered at most, those gone included. <value>4096</value></summary>
    public int MembersMax { get; init; } = 4096;

    /// <summary>Events kept for each watcher that falls behind; then the oldest go. <value>1024</value></summary>
    public int EventsMax { get; init; } = 1024;

    /// <summary>Watchers at once. <value>64</value></summary>
    public int WatchersMax { get; init; } = 64;

    // Ports.

    /// <summary>Datagrams; null for UDP at <see cref="ListenAddress"/>. The node disposes it.</summary>
    public ISwimTransport? Transport { get; init; }

    /// <summary>Streams; null for TCP at the port of the datagrams. The node disposes it.</summary>
    public ISwimStream? Stream { get; init; }

    /// <summary>Time for timeouts; and the clock that sealed datagrams are stamped with.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>Measurements.</summary>
    public IMeter Meter { get; init; } = NullMeter.Instance;

    /// <summary>Typed events.</summary>
    public IEventSink Events { get; init; } = NullEventSink.Instance;

    /// <summary>Seed of the node's choices; null draws one. Equal seeds are for simulations only.</summary>
    public ulong? Seed { get; init; }

    /// <summary>False: no thread; the caller steps <see cref="SwimNode.RunOnce"/>. <value>true</value></summary>
    public bool RunLoop { get; init; } = true;

    /// <summary>Every problem with these settings; empty when there is none.</summary>
    public IReadOnlyList<string> Validate()
    {
        List<string> problems = [.. ToConfig().Validate()];
        if (!MemberId.IsValid(NodeId)) problems.Add("NodeId is 1 to 64 of letters, digits, dot, underscore and hyphen");
        if (Keys.Any(k => k.Length < 16)) problems.Add("each of Keys has at least 16 bytes");
        if (Keys.Count > 8) problems.Add("Keys are at most 8");
        if (Metadata.Encode().Length > ToConfig().MetadataBytesMax) problems.Add("Metadata has at most 512 bytes encoded");
        if (Metadata.Values.Count > SwimMetadata.ValuesMax) problems.Add($"Metadata has at most {SwimMetadata.ValuesMax} values");
        if (Incarnation > SwimCore.IncarnationStartMax) problems.Add("Incarnation is at most 2^48");
        if (StreamTimeout <= TimeSpan.Zero || StreamTimeout > TimeoutMax) problems.Add("StreamTimeout is above 0, at most a day");
        if (LeaveTimeout < TimeSpan.Zero || LeaveTimeout > TimeoutMax) problems.Add("LeaveTimeout is 0 to a day");
        if (ClockTolerance < TimeSpan.Zero) problems.Add("ClockTolerance is not negative");
        if (EventsMax < 1) problems.Add("EventsMax is at least 1");
        if (WatchersMax < 0) problems.Add("WatchersMax is not negative");
        return problems;
    }

    internal SwimConfig ToConfig() => new()
    {
        ClusterName = ClusterName,
        ProbeIntervalTicks = Ticks(ProbeInterval),
        ProbeTimeoutTicks = Ticks(ProbeTimeout),
        IndirectProbes = IndirectProbes,
        SuspicionMinTicks = Ticks(SuspicionMin),
        SuspicionMaxFactor = SuspicionMaxFactor,
        GossipIntervalTicks = Ticks(GossipInterval),
        PushPullIntervalTicks = Ticks(PushPullInterval),
        MembersMax = MembersMax,
    };

    private static long Ticks(TimeSpan time) => time.Ticks / TimeSpan.TicksPerMicrosecond;
}
