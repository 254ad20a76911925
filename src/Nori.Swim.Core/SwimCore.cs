using System.Text;
using Nori.Core;
using Nori.Swim.Core.Wire;

namespace Nori.Swim.Core;

/// <summary>
/// SWIM (Das, Gupta, Motivala, DSN 2002) with Lifeguard (Dadgar, Phillips, Currey, 2018) as a state machine: it takes
/// the time, messages and stream results, and fills <see cref="Ready"/>. Equal inputs give equal outputs.
/// </summary>
/// <remarks>
/// Not thread-safe: one owner. After every call act on <see cref="Ready"/> and clear it; call <see cref="Tick"/> at
/// <see cref="NextDeadline"/> or earlier. Received messages first, then the tick: after a pause the answers that
/// wait in the socket count before the deadlines do.
/// </remarks>
public sealed partial class SwimCore
{
    /// <summary>The protocol version that this code speaks.</summary>
    public const byte Protocol = 1;

    /// <summary>The highest incarnation to begin with, and the farthest that one claim may be ahead of the last.</summary>
    public const ulong IncarnationStartMax = 1UL << 48;

    private readonly SwimConfig _config;
    private readonly Prng _prng;
    private readonly byte[] _cluster;
    private readonly MemberTable _members = new();
    private readonly ProbeOrder _order;
    private readonly BroadcastQueue _broadcasts = new();
    private readonly LocalHealth _health;
    private readonly MessageWriter _writer;
    private readonly SuspectList _suspects = new();
    private readonly List<Member> _picked = [];
    private readonly Member _self;

    private long _now;
    private long _nextProbe;
    private long _nextGossip;
    private long _nextPushPull;
    private long _nextReconnect;
    private long _nextReap;
    private bool _isLeaving;

    /// <summary>A member that knows only itself.</summary>
    /// <param name="config">The settings.</param>
    /// <param name="self">This node's id, its own in the cluster.</param>
    /// <param name="address">Where others reach it, host:port.</param>
    /// <param name="metadata">What it says of itself.</param>
    /// <param name="incarnation">
    /// The number to begin with: above the last one used where the caller kept it, else 0; what others remember of a
    /// former life raises it. At most <see cref="IncarnationStartMax"/>, which unix milliseconds are below.
    /// </param>
    /// <param name="seed">Another one for each start of each node.</param>
    /// <param name="now">The time in ticks.</param>
    /// <exception cref="ArgumentException">A setting, the id, the address or the metadata cannot be.</exception>
    public SwimCore(
        SwimConfig config,
        MemberId self,
        string address,
        ReadOnlySpan<byte> metadata,
        ulong incarnation,
        ulong seed,
        long now)
    {
        ArgumentNullException.ThrowIfNull(config);
        ArgumentNullException.ThrowIfNull(address);
        IReadOnlyList<string> problems = config.Validate();
        if (problems.Count > 0) throw new ArgumentException(string.Join("; ", problems), nameof(config));
        if (!MemberId.IsValid(self.Value)) throw new ArgumentException("not an id: " + self.Value, nameof(self));
        byte[] addressBytes = Encoding.ASCII.GetBytes(address);
        if (!MessageReader.IsAddress(addressBytes)) throw new ArgumentException("not an address: " + address, nameof(address));
        CheckMetadata(config, metadata);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(incarnation, IncarnationStartMax);

        (_config, _now, _prng) = (config, now, new Prng(seed));
        _cluster = Encoding.ASCII.GetBytes(config.ClusterName);
        _order = new ProbeOrder(_prng.Fork(), config.SharedTurns);
        _health = new LocalHealth(config.LocalHealthMax, config.LocalHealth);
        _writer = new MessageWriter(config.MessageBytesMax);
        _self = new Member(self);
        _self.Describe(_prng.NextUInt64(), Protocol, addressBytes, metadata, config.Names);
        _self.SetState(MemberState.Alive, incarnation, now);
        _members.Add(_self);
        _sequence = _prng.NextUInt32();

        // Random phases: members started together must not probe in step.
        _nextProbe = now + _prng.NextLong(config.ProbeIntervalTicks);
        _nextGossip = now + _prng.NextLong(config.GossipIntervalTicks);
        _nextPushPull = now + 1 + _prng.NextLong(config.PushPullIntervalTicks);
        _nextReconnect = now + 1 + _prng.NextLong(config.ReconnectIntervalTicks);
        _nextReap = now + ReapIntervalTicks;
    }

    /// <summary>What is to be done; filled by every call.</summary>
    public SwimReady Ready { get; } = new();

    /// <summary>Counts since the start.</summary>
    public SwimCounts Counts { get; } = new();

    /// <summary>This node as it tells of itself.</summary>
    public SwimMember Self => _self.View;

    /// <summary>Lifeguard's local health score: 0 is well.</summary>
    public int HealthScore => _health.Score;

    /// <summary>Updates still to be told.</summary>
    public int QueuedUpdates => _broadcasts.Count;

    /// <summary>Alive and suspected members, this one among them.</summary>
    public int ActiveCount => _members.ActiveCount;

    /// <summary>Everyone known, those gone included, sorted by id.</summary>
    public IReadOnlyList<SwimMember> CopyMembers()
    {
        SwimMember[] copy = new SwimMember[_members.Count];
        for (int i = 0; i < copy.Length; i++) copy[i] = _members[i].View;
        return copy;
    }

    /// <summary>One member, or null for one never heard of.</summary>
    public SwimMember? Find(MemberId id) => _members.Find(Encoding.ASCII.GetBytes(id.Value))?.View;

    /// <summary>How many members are believed to be in a state.</summary>
    public int CountOf(MemberState state) => _members.CountOf(state);

    /// <summary>The latest time at which <see cref="Tick"/> must be called.</summary>
    public long NextDeadline
    {
        get
        {
            long next = Math.Min(Math.Min(_nextPushPull, _nextReconnect), _nextReap);
            if (!_isLeaving) next = Math.Min(next, _nextProbe);
            if (_broadcasts.Count > 0 && Fanout > 0) next = Math.Min(next, _nextGossip);
            foreach (Probe probe in _probes) next = Math.Min(next, probe.NextDeadline);
            foreach (Relay relay in _relays) next = Math.Min(next, relay.NextDeadline);
            return Math.Min(next, _suspects.NextDeadline);
        }
    }

    /// <summary>Does what is due at <paramref name="now"/>, which never goes back.</summary>
    public void Tick(long now)
    {
        Advance(now);
        StepProbes();
        StepRelays();
        StepSuspicions();
        if (now >= _nextProbe) BeginPeriod();
        if (now >= _nextGossip) Gossip();
        if (now >= _nextPushPull) PushPull();
        if (now >= _nextReconnect) Reconnect();
        if (now >= _nextReap) Reap();
    }

    /// <summary>Changes what this node says of itself, and tells.</summary>
    /// <exception cref="ArgumentException">The metadata is larger than allowed.</exception>
    public void UpdateMetadata(long now, ReadOnlySpan<byte> metadata)
    {
        CheckMetadata(_config, metadata);
        Advance(now);
        if (_isLeaving) return;
        _self.Describe(_self.Instance, Protocol, _self.AddressBytes, metadata, _config.Names);
        ulong above = Math.Min(_self.Incarnation + 1, MessageReader.IncarnationMax);
        _members.SetState(_self, MemberState.Alive, above, now);
        _broadcasts.Add(_self);
    }

    /// <summary>
    /// Says good-bye. Go on ticking until <see cref="QueuedUpdates"/> is 0 or patience ends; then stop.
    /// </summary>
    public void Leave(long now)
    {
        Advance(now);
        if (_isLeaving) return;
        _isLeaving = true;
        _members.SetState(_self, MemberState.Left, _self.Incarnation, now);
        _broadcasts.Add(_self);
    }

    private static void CheckMetadata(SwimConfig config, ReadOnlySpan<byte> metadata)
    {
        if (metadata.Length > config.MetadataBytesMax)
            throw new ArgumentException($"metadata has {metadata.Length} bytes, {config.MetadataBytesMax} are allowed");
    }

    /// <summary>
    /// Takes the time. When the process stood still (stopped, swapped, collected garbage) past its own deadline, that
    /// time did not pass for the others' answers: every deadline moves by it, and this node counts itself as unwell.
    /// </summary>
    private void Advance(long now)
    {
        Invariant.Assert(now >= _now);
        long late = now - Math.Max(_now, NextDeadline);
        _now = now;
        if (late <= _config.ProbeIntervalTicks || !_config.PauseCompensation) return;

        Counts.Pauses++;
        _health.Add(1);
        _nextProbe += late;
        foreach (Probe probe in _probes)
        {
            probe.StartedAt += late;
            probe.DirectDeadline += late;
            probe.Deadline += late;
        }

        foreach (Relay relay in _relays)
        {
            relay.NackDeadline += late;
            relay.Deadline += late;
        }

        _suspects.Shift(late);
    }
}
