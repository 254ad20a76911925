using NoriKV.Types;

namespace NoriKV.Node.Peers;

/// <summary>
/// What this node knows of its peers, from the frames they send: whether they are there, well, and the same process as
/// before. Groups that sleep trust in it instead of in heartbeats.
/// </summary>
/// <remarks>Thread-safe: frames come on any thread; the lock guards the table.</remarks>
internal sealed class NodeLiveness
{
    private readonly Lock _lock = new();
    private readonly TimeProvider _time;
    private readonly TimeSpan _silence;
    private Entry[] _peers;
    private readonly List<PeerNote> _notes = [];

    /// <summary>A table of peers.</summary>
    /// <param name="peers">The other nodes.</param>
    /// <param name="silence">After this without a frame a peer counts as silent.</param>
    /// <param name="time">The clock.</param>
    public NodeLiveness(IEnumerable<NodeNumber> peers, TimeSpan silence, TimeProvider time)
    {
        _time = time;
        _silence = silence;
        _peers = [];
        SetPeers(peers);
    }

    /// <summary>The peers, sorted.</summary>
    public IEnumerable<NodeNumber> Peers => Volatile.Read(ref _peers).Select(static p => p.Node);

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

    /// <summary>False while nothing comes from the peer, so that asking it is in vain.</summary>
    public bool IsHeard(NodeNumber node)
    {
        lock (_lock) return Find(node) is not { } peer || _time.GetElapsedTime(peer.HeardAt) < _silence;
    }

    /// <summary>A frame came.</summary>
    public void Heard(in PeerBatch frame)
    {
        lock (_lock)
        {
            // An older process's frame that was long under way says nothing.
            if (Find(frame.From) is not { } peer || frame.BootEpoch < peer.Epoch) return;
            bool isNew = frame.BootEpoch > peer.Epoch;
            if (isNew && peer.Epoch > 0) _notes.Add(new PeerNote(PeerNoteKind.Restarted, peer.Node));
            bool isBack = peer.IsSilent || isNew || (peer.IsUnwell && frame.IsWell);
            if (!frame.IsWell && !peer.IsUnwell) _notes.Add(new PeerNote(PeerNoteKind.Unwell, peer.Node));
            peer.Epoch = frame.BootEpoch;
            peer.HeardAt = _time.GetTimestamp();
            peer.IsSilent = false;
            peer.IsUnwell = !frame.IsWell;
            peer.ApplyLag = (long)Math.Min(frame.ApplyLag, long.MaxValue);
            if (isNew) peer.Offsets.Clear();
            peer.Offsets.Add(frame.UnixMs - _time.GetUtcNow().ToUnixTimeMilliseconds());
            if (isBack && !peer.IsUnwell) _notes.Add(new PeerNote(PeerNoteKind.Returned, peer.Node));
        }
    }

    /// <summary>
    /// How far this node's wall clock is from the median of those it hears and itself, in milliseconds; of an even number the
    /// nearer one counts. Positive: it is ahead.
    /// </summary>
    public long ClockLead()
    {
        lock (_lock)
        {
            long[] offsets = [0, .. _peers.Where(static p => !p.IsSilent && p.Epoch > 0).Select(static p => p.Offsets.Best)];
            Array.Sort(offsets);
            (long low, long high) = (offsets[(offsets.Length - 1) / 2], offsets[offsets.Length / 2]);
            return -(Math.Abs(low) <= Math.Abs(high) ? low : high);
        }
    }

    /// <summary>This node's wall clock jumped, or it slept: what was measured against it before says nothing.</summary>
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
            long[] lags = [own, .. _peers.Where(static p => !p.IsSilent && p.Epoch > 0).Select(static p => p.ApplyLag)];
            Array.Sort(lags);
            return lags[(lags.Length - 1) / 2];
        }
    }

    /// <summary>Bytes that a peer said it had not applied; 0 of strangers.</summary>
    public long ApplyLag(NodeNumber node)
    {
        lock (_lock) return Find(node)?.ApplyLag ?? 0;
    }

    /// <summary>What happened since the last look; looks for silence as well.</summary>
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

    private Entry? Find(NodeNumber node) => Array.Find(_peers, p => p.Node == node);

    private sealed class Entry(NodeNumber node)
    {
        public NodeNumber Node { get; } = node;

        public ulong Epoch { get; set; }

        public long HeardAt { get; set; }

        public bool IsSilent { get; set; }

        public bool IsUnwell { get; set; }

        public long ApplyLag { get; set; }

        public ClockOffsets Offsets { get; } = new();
    }
}
