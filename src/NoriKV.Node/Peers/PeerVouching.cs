using Nori.Core;
using Nori.IO;
using NoriKV.Node.Directory;
using NoriKV.Node.Ports;
using NoriKV.Node.Replication;
using NoriKV.Types;

namespace NoriKV.Node.Peers;

/// <summary>
/// Tells whether this node's directory is an old copy, which has forgotten votes and entries that it confirmed: before a process hears
/// a peer's Raft messages and snapshots, the peer must have said that it remembers nothing later of this node (docs/formats/vouch.md,
/// docs/decisions/0224). Each time it is given a new mark to remember, and so again each minute.
/// </summary>
/// <remarks>
/// Stepped; frames are handed over and taken by a step, because it waits for the disk: <see cref="Hears"/> and <see cref="Receive"/> are
/// thread-safe, the lock guards what they hand over.
/// </remarks>
internal sealed class PeerVouching
{
    /// <summary>So much of its past at most can a copy lack without anybody noticing.</summary>
    internal static readonly TimeSpan Period = TimeSpan.FromMinutes(1);

    /// <summary>A peer that did not answer is asked again.</summary>
    private static readonly TimeSpan RetryAfter = TimeSpan.FromMilliseconds(50);

    // More than peers say between two steps; what is lost is said again.
    private const int InboxMax = 1024;

    // Marks of two lives of one directory that went apart are not the same, but for one case in 2^32.
    private const int GapBits = 32;

    private readonly NodeNumber _self;
    private readonly string _directory;
    private readonly IFileSystem _files;
    private readonly PeerSender _sender;
    private readonly NodeLiveness _liveness;
    private readonly NodeFailure _failure;
    private readonly TimeProvider _time;
    private readonly Prng _random;
    private readonly SortedDictionary<NodeNumber, Acquaintance> _all = [];
    private readonly Lock _lock = new();
    private readonly Queue<VouchFrame> _inbox = new();
    private readonly HashSet<NodeNumber> _strangers = [];
    private NodeNumber[] _heard = [];

    /// <param name="options">Where the directory is, and the clock.</param>
    /// <param name="self">This node.</param>
    /// <param name="memory">What the directory holds.</param>
    /// <param name="sender">To peers.</param>
    /// <param name="liveness">Who they are.</param>
    /// <param name="failure">What a copy ends with.</param>
    /// <param name="seed">Another one at each start.</param>
    public PeerVouching(
        NodeOptions options, NodeNumber self, PeerMemory memory, PeerSender sender, NodeLiveness liveness, NodeFailure failure, ulong seed)
    {
        (_self, _directory, _files, _time) = (self, options.DataDirectory, options.FileSystem, options.Time);
        (_sender, _liveness, _failure) = (sender, liveness, failure);
        _random = new Prng(seed ^ (ulong)_time.GetUtcNow().ToUnixTimeMilliseconds());
        foreach (PeerMark mark in memory.Marks) _all.Add(mark.Node, new Acquaintance(mark));
    }

    /// <summary>Wakes the loop that steps it.</summary>
    public StepSignal Signal { get; } = new();

    /// <summary>Milliseconds until a step has something to do although nothing came.</summary>
    public int RetryInMs => (int)RetryAfter.TotalMilliseconds;

    /// <summary>What is said of a directory that must not serve.</summary>
    internal static string OldCopy(string directory) =>
        $"{directory} is an old copy of this node's directory, or lost what it knew of its peers: votes and writes that the node confirmed "
        + "are missing in it. Stop the node; start it on its own directory if that still exists, else replace it "
        + "(norikv cluster replace) by one with an empty data directory";

    /// <summary>False while the peer has not vouched for this process: nothing that groups go by may be taken from it.</summary>
    // Hot path: once for each frame; no lock.
    public bool Hears(NodeNumber peer)
    {
        if (Array.IndexOf(Volatile.Read(ref _heard), peer) >= 0) return true;
        lock (_lock)
        {
            if (_strangers.Count < InboxMax) _strangers.Add(peer);
        }

        Signal.Set();
        return false;
    }

    /// <summary>A frame came.</summary>
    public void Receive(NodeNumber from, ReadOnlySpan<byte> frame)
    {
        if (!VouchFrame.TryDecode(frame, _sender.Cluster, out VouchFrame read)) return;
        if (read.From != from || read.To != _self || from == _self) return;
        lock (_lock)
        {
            if (_inbox.Count < InboxMax) _inbox.Enqueue(read);
        }

        Signal.Set();
    }

    /// <summary>Answers what came, shows itself to those that have not vouched yet; false when nothing was due.</summary>
    public bool RunOnce()
    {
        if (_failure.Reason is not null) return false;
        (VouchFrame[] came, NodeNumber[] strangers) = Take();
        foreach (NodeNumber peer in _liveness.Peers.Concat(strangers)) Meet(peer);
        var answers = new List<VouchFrame>();
        foreach (VouchFrame frame in came)
        {
            if (!TryTake(frame, answers)) return true;
        }

        Acquaintance[] due = [.. _all.Values.Where(IsDue)];
        foreach (Acquaintance peer in due) Offer(peer);
        bool isKept = TrySave();
        foreach (VouchFrame answer in answers) Answer(answer, isKept);
        foreach (Acquaintance peer in due) Show(peer, isKept);
        PublishHeard();
        return came.Length + due.Length > 0;
    }

    private (VouchFrame[] Came, NodeNumber[] Strangers) Take()
    {
        lock (_lock)
        {
            (VouchFrame[], NodeNumber[]) taken = ([.. _inbox], [.. _strangers.Order()]);
            _inbox.Clear();
            _strangers.Clear();
            return taken;
        }
    }

    private void Meet(NodeNumber peer)
    {
        if (!_all.TryGetValue(peer, out Acquaintance? met))
        {
            if (_all.Count >= PeerMemory.MarksMax) return;
            _all.Add(peer, met = new Acquaintance(new PeerMark(peer, 0, 0, 0)));
        }

        met.IsThere = true;
    }

    /// <summary>False: this node is an old copy, and stops.</summary>
    private bool TryTake(in VouchFrame frame, List<VouchFrame> answers)
    {
        Meet(frame.From);
        if (!_all.TryGetValue(frame.From, out Acquaintance? peer)) return true;
        PeerMark mark = peer.Mark;
        switch (frame.Kind)
        {
            // It knows that this node kept a mark of it, which this directory does not.
            case not VouchKind.Later when mark.Held < frame.Known:
            // Of a frame that was long under way the mark is confirmed meanwhile.
            case VouchKind.Later when frame.Known > mark.Confirmed && frame.Known != mark.Offered:
                BecomeOld(frame.From);
                return false;
            case VouchKind.Present when mark.Held == frame.Known || mark.Held == frame.Offered:
                peer.Mark = mark with { Held = frame.Offered };
                answers.Add(frame);
                break;
            case VouchKind.Present:
                // Out of two lives of a directory that went apart, or long under way: the receiver knows.
                answers.Add(frame with { Kind = VouchKind.Later, Known = mark.Held });
                break;
            case VouchKind.Kept when frame.Offered == mark.Offered:
                peer.Mark = mark with { Confirmed = mark.Offered };
                NoteVouched(peer);
                break;
            case VouchKind.NotKept when frame.Offered == mark.Offered:
                NoteVouched(peer);
                break;
        }

        return true;
    }

    // Of the mark of a process before, a copy of that time would be told the same.
    private void NoteVouched(Acquaintance peer)
    {
        if (peer is { IsOwn: false, IsFull: false }) return;
        peer.IsHeard = true;
        peer.IsAsking = false;
        peer.VouchedAt = _time.GetTimestamp();
    }

    private bool IsDue(Acquaintance peer)
    {
        if (!peer.IsThere) return false;
        if (!peer.IsAsking && peer.IsHeard && _time.GetElapsedTime(peer.VouchedAt) < Period) return false;
        // An offer of a process before was answered: its own comes at once.
        return !peer.IsAsking || !HasOffer(peer) || _time.GetElapsedTime(peer.AskedAt) >= RetryAfter;
    }

    private static bool HasOffer(Acquaintance peer) => peer.Mark.Offered > peer.Mark.Confirmed;

    // While a mark is under way there is no other one: two are all that the peer may keep.
    private void Offer(Acquaintance peer)
    {
        peer.IsAsking = true;
        peer.AskedAt = _time.GetTimestamp();
        if (HasOffer(peer)) return;
        ulong gap = 1 + (_random.NextUInt64() >> (64 - GapBits));
        peer.Mark = peer.Mark with { Offered = peer.Mark.Offered + gap };
        peer.IsOwn = true;
    }

    /// <summary>Keeps durably what is new, before it is said to anybody; on a full disk it is undone.</summary>
    private bool TrySave()
    {
        // That a mark is confirmed may wait: not to know it costs the next process a round trip.
        if (_all.Values.All(static p => (p.Mark.Held, p.Mark.Offered) == (p.Saved.Held, p.Saved.Offered))) return true;
        try
        {
            new PeerMemory(false, [.. _all.Values.Select(static p => p.Mark)]).Save(_files, _directory);
        }
        catch (StorageException e) when (e.IsDiskFull)
        {
            foreach (Acquaintance peer in _all.Values) peer.Undo();
            return false;
        }
        catch (StorageException e)
        {
            _failure.Set("The node's directory failed", e);
            return false;
        }

        foreach (Acquaintance peer in _all.Values) peer.Saved = peer.Mark;
        return true;
    }

    private void Answer(in VouchFrame frame, bool isKept)
    {
        if (_failure.Reason is not null) return;
        VouchFrame answer = frame.Kind == VouchKind.Later ? frame : frame with
        {
            Kind = isKept ? VouchKind.Kept : VouchKind.NotKept,
            Known = _all[frame.From].Mark.Confirmed,
        };
        _sender.SendVouch(answer with { From = _self, To = frame.From });
    }

    private void Show(Acquaintance peer, bool isKept)
    {
        PeerMark mark = peer.Mark;
        peer.IsFull = !isKept;
        // Where the disk was full before anybody was met there is nothing to show.
        if (mark.Offered == 0 || _failure.Reason is not null) return;
        _sender.SendVouch(new VouchFrame(VouchKind.Present, _self, mark.Node, mark.Confirmed, mark.Offered));
    }

    private void PublishHeard()
    {
        NodeNumber[] heard = [.. _all.Values.Where(static p => p.IsHeard).Select(static p => p.Mark.Node)];
        if (heard.Length != _heard.Length) Volatile.Write(ref _heard, heard);
    }

    private void BecomeOld(NodeNumber peer)
    {
        try
        {
            // For ever: where that peer is not there, another one that remembers as little would take part with it.
            new PeerMemory(true, [.. _all.Values.Select(static p => p.Saved)]).Save(_files, _directory);
        }
        catch (StorageException)
        {
            // It stops all the same.
        }

        _failure.Set($"Node {peer} remembers more", new NodeStartException(OldCopy(_directory)));
    }

    private sealed class Acquaintance(PeerMark mark)
    {
        public PeerMark Mark { get; set; } = mark;

        /// <summary>What is on disk of it.</summary>
        public PeerMark Saved { get; set; } = mark;

        /// <summary>A member, or heard of: met by this process.</summary>
        public bool IsThere { get; set; }

        /// <summary>The peer vouched for this process.</summary>
        public bool IsHeard { get; set; }

        /// <summary>It is asked, and has not answered.</summary>
        public bool IsAsking { get; set; }

        /// <summary>The mark that is offered is of this process.</summary>
        public bool IsOwn { get; set; }

        /// <summary>No own mark could be made, for want of space.</summary>
        public bool IsFull { get; set; }

        public long AskedAt { get; set; }

        public long VouchedAt { get; set; }

        public void Undo()
        {
            if (Mark.Offered != Saved.Offered) IsOwn = false;
            Mark = Saved;
        }
    }
}
