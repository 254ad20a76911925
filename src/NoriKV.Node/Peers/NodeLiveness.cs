using NoriKV.Node.Replication;
using NoriKV.Types;

namespace NoriKV.Node.Peers;

/// <summary>
/// What this node knows of its peers, from the frames they send: whether they are there, well, and the same process as
/// before. Groups that sleep trust in it instead of in heartbeats.
/// </summary>
/// <remarks>Thread-safe: frames come on any thread; the lock guards the table.</remarks>
internal sealed class NodeLiveness
{
    /// <summary>Two clocks agree when they are no farther apart.</summary>
    private const long AgreeingMs = 500;

    /// <summary>
    /// So long must a node be well again before leaderships are given back to it; twice as long after each relapse within twice that.
    /// </summary>
    internal static readonly TimeSpan TrustAfterMin = TimeSpan.FromSeconds(30);

    /// <summary>However often it was found unwell, after so long it is trusted again.</summary>
    internal static readonly TimeSpan TrustAfterMax = TimeSpan.FromMinutes(10);

    private readonly Lock _lock = new();
    private readonly TimeProvider _time;
    private readonly long _start;
    private readonly TimeSpan _silence;
    private Entry[] _peers;
    private readonly List<PeerNote> _notes = [];
    private long[] _figures = [];

    /// <summary>A table of peers.</summary>
    /// <param name="peers">The other nodes.</param>
    /// <param name="silence">After this without a frame a peer counts as silent.</param>
    /// <param name="time">The clock.</param>
    public NodeLiveness(IEnumerable<NodeNumber> peers, TimeSpan silence, TimeProvider time)
    {
        _time = time;
        _start = time.GetTimestamp();
        _silence = silence;
        _peers = [];
        SetPeers(peers);
    }

    /// <summary>The peers, sorted.</summary>
    public IEnumerable<NodeNumber> Peers => Volatile.Read(ref _peers).Select(static p => p.Node);

    /// <summary>True while it has no peers.</summary>
    public bool IsAlone => Volatile.Read(ref _peers).Length == 0;

    /// <summary>Who the peers are from now on; what is known of those that stay is kept.</summary>
    public void SetPeers(IEnumerable<NodeNumber> peers)
    {
        lock (_lock)
        {
            long now = _time.GetTimestamp();
            Volatile.Write(ref _peers, [.. peers.Distinct().Order().Select(node => Find(node) ?? new Entry(node) { HeardAt = now })]);
        }
    }

    /// <summary>True while the peer is heard and says that it is well; of this node itself, and of strangers, false.</summary>
    public bool IsWell(NodeNumber node)
    {
        lock (_lock) return Find(node) is { IsSilent: false, IsUnwell: false, Epoch: > 0 };
    }

    /// <summary>
    /// False where the peer was found unwell and has not been well for long enough since: a disk that stalls now and then would be given
    /// leaderships each time that it answers, and give them away a moment later.
    /// </summary>
    public bool IsTrusted(NodeNumber node)
    {
        lock (_lock)
        {
            return Find(node) is not { } peer
                || (!peer.IsUnwell && (peer.TrustAfter == TimeSpan.Zero || _time.GetElapsedTime(peer.WellSince) >= peer.TrustAfter));
        }
    }

    /// <summary>False while nothing comes from the peer, so that asking it is in vain.</summary>
    public bool IsHeard(NodeNumber node)
    {
        lock (_lock) return Find(node) is not { } peer || _time.GetElapsedTime(peer.HeardAt) < _silence;
    }

    /// <summary>A frame came.</summary>
    /// <param name="frame">What it says of its sender.</param>
    /// <param name="isAnother">
    /// True where it is the first of another process than before: groups must hear of that before what the frame brings, which
    /// is of the new one.
    /// </param>
    /// <returns>
    /// False where it is of a process before the one that was heard last: it was long under way, or its machine came back with a
    /// disk as it had been before, which may have forgotten votes and entries. Nothing in it counts.
    /// </returns>
    public bool TryHear(in PeerBatch frame, out bool isAnother)
    {
        isAnother = false;
        lock (_lock)
        {
            if (Find(frame.From) is not { } peer) return true;
            if (frame.BootEpoch < peer.Epoch) return false;
            bool isNew = frame.BootEpoch > peer.Epoch;
            isAnother = isNew && peer.Epoch > 0;
            bool isBack = peer.IsSilent || isNew || (peer.IsUnwell && frame.IsWell);
            if (!frame.IsWell && !peer.IsUnwell) _notes.Add(new PeerNote(PeerNoteKind.Unwell, peer.Node));
            NoteTrustLocked(peer, frame.IsWell, isNew);
            peer.Epoch = frame.BootEpoch;
            peer.HeardAt = _time.GetTimestamp();
            peer.IsSilent = false;
            peer.IsUnwell = !frame.IsWell;
            peer.ApplyLag = (long)Math.Min(frame.ApplyLag, long.MaxValue);
            if (isNew) peer.Offsets.Clear();
            // Against the monotonic clock: what was measured before the wall clock was set is as good after.
            peer.Offsets.Add(frame.UnixMs - MonotonicMs(peer.HeardAt));
            if (isBack && !peer.IsUnwell) _notes.Add(new PeerNote(PeerNoteKind.Returned, peer.Node));
            return true;
        }
    }

    /// <summary>
    /// How far this node's wall clock is from the median of those it hears and itself, in milliseconds; of an even number the
    /// nearer one counts. Positive: it is ahead.
    /// </summary>
    /// <param name="reading">This node's clock.</param>
    /// <param name="leadMs">In milliseconds.</param>
    /// <returns>
    /// True when that is borne out: false while no clock was measured, and where two halves disagree and either may be right.
    /// </returns>
    public bool TryClockLead(in ClockReading reading, out long leadMs) => TryClockLead(reading, out leadMs, out _);

    /// <summary>The same, and whether a majority of the clocks agree on it: the one between two that are wrong proves nothing.</summary>
    public bool TryClockLead(in ClockReading reading, out long leadMs, out bool isAgreed)
    {
        long own = OffsetMs(reading);
        lock (_lock)
        {
            ReadOnlySpan<long> offsets = SortedLocked(own, static p => p.Offsets.IsEmpty ? null : p.Offsets.Best);
            (long low, long high) = (offsets[(offsets.Length - 1) / 2] - own, offsets[offsets.Length / 2] - own);
            leadMs = -(Math.Abs(low) <= Math.Abs(high) ? low : high);
            int agreeing = 0;
            foreach (long offset in offsets)
            {
                if (Math.Abs(offset - own + leadMs) <= AgreeingMs) agreeing++;
            }

            isAgreed = 2 * agreeing > offsets.Length;
            return offsets.Length > 1 && high - low <= AgreeingMs;
        }
    }

    /// <summary>How far a peer's wall clock is ahead of this node's, in milliseconds; null while it is not heard.</summary>
    public long? ClockOffsetMs(NodeNumber node)
    {
        long own = OffsetMs(ClockReading.Of(_time));
        lock (_lock) return Find(node) is { IsSilent: false, Epoch: > 0, Offsets.IsEmpty: false } peer ? peer.Offsets.Best - own : null;
    }

    /// <summary>
    /// Peers that are heard and whose disk does not answer in time. A peer says only that it is not well: where its clock is not
    /// far from this node's, that is its disk.
    /// </summary>
    public IReadOnlySet<NodeNumber> StalledDisks()
    {
        long own = OffsetMs(ClockReading.Of(_time));
        lock (_lock)
        {
            var found = new HashSet<NodeNumber>();
            foreach (Entry peer in _peers)
            {
                bool isItsClock = peer.Offsets.IsEmpty || Math.Abs(peer.Offsets.Best - own) > AgreeingMs / 2;
                if (peer is { IsSilent: false, IsUnwell: true } && !isItsClock) found.Add(peer.Node);
            }

            return found;
        }
    }

    /// <summary>
    /// This node slept, or its wall clock jumped, which looks alike: after a sleep, in which the monotonic clock stood still, what was
    /// measured before says nothing.
    /// </summary>
    public void ForgetOffsets()
    {
        lock (_lock)
        {
            foreach (Entry peer in _peers) peer.Offsets.Clear();
        }
    }

    /// <summary>
    /// How many bytes a majority of those that are heard, this node among them, is behind with applying, at least: one that is
    /// slow alone slows nobody.
    /// </summary>
    public long MajorityLag(long own)
    {
        lock (_lock)
        {
            ReadOnlySpan<long> lags = SortedLocked(own, static p => p.ApplyLag);
            return lags[(lags.Length - 1) / 2];
        }
    }

    /// <summary>Bytes that a peer said it had not applied; 0 of strangers.</summary>
    public long ApplyLag(NodeNumber node)
    {
        lock (_lock) return Find(node)?.ApplyLag ?? 0;
    }

    /// <summary>What happened since the last look, but for restarts; looks for silence as well.</summary>
    public IReadOnlyList<PeerNote> TakeNotes()
    {
        lock (_lock)
        {
            foreach (Entry peer in _peers)
            {
                if (peer.IsSilent || _time.GetElapsedTime(peer.HeardAt) < _silence) continue;
                peer.IsSilent = true;
                _notes.Add(new PeerNote(PeerNoteKind.Silent, peer.Node));
            }

            if (_notes.Count == 0) return [];
            PeerNote[] notes = [.. _notes];
            _notes.Clear();
            return notes;
        }
    }

    // A process that starts does not know yet whether its clock is right, and says so: that is no relapse.
    private void NoteTrustLocked(Entry peer, bool isWell, bool isNew)
    {
        if (isNew) peer.TrustAfter = TimeSpan.Zero;
        else if (isWell && peer.IsUnwell) peer.WellSince = _time.GetTimestamp();
        else if (!isWell && !peer.IsUnwell)
        {
            bool isRelapse = peer.TrustAfter > TimeSpan.Zero && _time.GetElapsedTime(peer.WellSince) < 2 * peer.TrustAfter;
            TimeSpan longer = isRelapse ? 2 * peer.TrustAfter : TrustAfterMin;
            peer.TrustAfter = longer < TrustAfterMax ? longer : TrustAfterMax;
        }
    }

    // Valid until the next call: asked for at each look at the clock.
    private ReadOnlySpan<long> SortedLocked(long own, Func<Entry, long?> figure)
    {
        if (_figures.Length != _peers.Length + 1) _figures = new long[_peers.Length + 1];
        int count = 0;
        _figures[count++] = own;
        foreach (Entry peer in _peers)
        {
            if (!peer.IsSilent && peer.Epoch > 0 && figure(peer) is { } known) _figures[count++] = known;
        }

        Span<long> sorted = _figures.AsSpan(0, count);
        sorted.Sort();
        return sorted;
    }

    // How far this node's wall clock is ahead of its monotonic one.
    private long OffsetMs(in ClockReading reading) => reading.Wall.ToUnixTimeMilliseconds() - MonotonicMs(reading.Timestamp);

    private long MonotonicMs(long timestamp) => (long)_time.GetElapsedTime(_start, timestamp).TotalMilliseconds;

    private Entry? Find(NodeNumber node)
    {
        foreach (Entry peer in _peers)
        {
            if (peer.Node == node) return peer;
        }

        return null;
    }

    private sealed class Entry(NodeNumber node)
    {
        public NodeNumber Node { get; } = node;

        public ulong Epoch { get; set; }

        public long HeardAt { get; set; }

        public bool IsSilent { get; set; }

        public bool IsUnwell { get; set; }

        /// <summary>When it was well again, where it had been unwell.</summary>
        public long WellSince { get; set; }

        /// <summary>How long it must be well to be trusted; zero: this process was never found unwell.</summary>
        public TimeSpan TrustAfter { get; set; }

        public long ApplyLag { get; set; }

        public ClockOffsets Offsets { get; } = new();
    }
}
