using Nori.Core;
using NoriKV.Node.Peers;
using NoriKV.Types;

namespace NoriKV.Node.Replication;

/// <summary>
/// Reads by read index, of all groups that this node leads: what waits goes to the peers in one question to each, and one answer
/// confirms them all (decision 0194). A read joins the round that is sent next, never one that is under way. What a round does not
/// confirm goes the way of a single group, through its worker and its core.
/// </summary>
/// <remarks>Thread-safe: whoever adds a read while no round is under way sends it, and answers are counted where they arrive.</remarks>
internal sealed class ReadRounds
{
    /// <summary>A round that is not over after so long waits for somebody slow; the next one does not wait for it.</summary>
    private static readonly TimeSpan OverlapAfter = TimeSpan.FromMilliseconds(5);

    /// <summary>Two ticks: then the groups ask for themselves.</summary>
    private static readonly TimeSpan GiveUpAfter = TimeSpan.FromMilliseconds(100);

    private const int RoundsMax = 32;

    private readonly HostContext _context;
    private readonly PeerSender _sender;
    private readonly TimeProvider _time;
    private readonly Action<RaftGroup, ReadRequest> _askAlone;
    private readonly Action<RaftGroup, ulong, List<ReadRequest>> _awaitApply;
    private readonly Lock _lock = new(); // Guards everything below.
    private readonly List<ReadRound> _rounds = [];
    private readonly (ulong Round, int Place)[] _placeOf;
    private readonly List<(RaftGroup Group, ReadRequest Read)> _waiting = [];
    private ulong _lastNumber;
    private int _gathering;

    /// <summary>No rounds yet.</summary>
    /// <param name="context">What the groups share.</param>
    /// <param name="sender">Sends to the peers.</param>
    /// <param name="shards">How many shards there may be.</param>
    /// <param name="seed">Another one for each process: an answer to one before must not count.</param>
    /// <param name="askAlone">A group asks for itself for a read.</param>
    /// <param name="awaitApply">Reads are confirmed at an index that is not applied yet.</param>
    public ReadRounds(
        HostContext context, PeerSender sender, int shards, ulong seed, Action<RaftGroup, ReadRequest> askAlone,
        Action<RaftGroup, ulong, List<ReadRequest>> awaitApply)
    {
        (_context, _sender, _time) = (context, sender, context.Options.Time);
        (_askAlone, _awaitApply) = (askAlone, awaitApply);
        _placeOf = new (ulong, int)[shards];
        _lastNumber = new Prng(seed).NextUInt64();
    }

    /// <summary>Takes a read of a group that this node leads; false where that has to ask for itself.</summary>
    public bool TryAdd(RaftGroup group, ReadRequest read)
    {
        if (group.Published.Reading is null) return false;
        ReadRound? round;
        lock (_lock)
        {
            if (_waiting.Count >= _context.Options.ReadsMax) return false;
            _waiting.Add((group, read));
            round = CloseLocked();
        }

        round?.Send(_sender);
        return true;
    }

    /// <summary>Reads are added one after another that shall share a round: none is sent until <see cref="EndGather"/>.</summary>
    public void BeginGather()
    {
        lock (_lock) _gathering++;
    }

    /// <summary>They are added; called by whoever called <see cref="BeginGather"/>, without a wait in between.</summary>
    public void EndGather()
    {
        ReadRound? round;
        lock (_lock)
        {
            _gathering--;
            round = CloseLocked();
        }

        round?.Send(_sender);
    }

    /// <summary>A peer's question: answers for each group what it knows at this moment.</summary>
    public void Answer(NodeNumber from, in ReadRoundFrame asked, ReadOnlySpan<byte> question, Func<ReadRoundGroup, bool> isLedSo)
    {
        byte[] groups = question.ToArray();
        int count = asked.Groups;
        _sender.SendReadRound(from, asked.Round, count, isAnswer: true, body =>
        {
            for (int i = 0; i < count; i++)
            {
                if (isLedSo(ReadRoundFrame.ReadGroup(groups, i))) ReadRoundFrame.SetBit(body, i);
            }
        });
    }

    /// <summary>A peer's answer.</summary>
    public void OnAnswer(NodeNumber from, in ReadRoundFrame answer, ReadOnlySpan<byte> bits)
    {
        var decided = new List<ReadRound.Item>();
        ReadRound? next;
        lock (_lock)
        {
            ulong number = answer.Round;
            if (_rounds.Find(round => round.Number == number) is not { } round) return;
            round.NoteAnswer(from, answer, bits, decided);
            if (round.IsOver) _rounds.Remove(round);
            next = CloseLocked();
        }

        // The next question is on its way while this one's reads go on.
        next?.Send(_sender);
        AnswerBatch? batch = AnswerBatch.For(_context.Options.RunAnswers);
        foreach (ReadRound.Item item in decided) Pass(item, ref batch);
        batch?.Release();
    }

    /// <summary>Time has passed: rounds that are not answered are given up.</summary>
    public bool Look()
    {
        List<ReadRound.Item>? undecided = null;
        ReadRound? next;
        lock (_lock)
        {
            if (_rounds.Count == 0) return false;
            long now = _time.GetTimestamp();
            while (_rounds.Count > 0 && _time.GetElapsedTime(_rounds[0].SentAt, now) >= GiveUpAfter)
            {
                _rounds[0].GiveUp(undecided ??= []);
                _rounds.RemoveAt(0);
            }

            next = CloseLocked();
        }

        next?.Send(_sender);
        foreach (ReadRound.Item item in undecided ?? []) AskAlone(item.Group, item.Reads);
        return undecided is not null || next is not null;
    }

    private ReadRound? CloseLocked()
    {
        if (_waiting.Count == 0 || _gathering > 0 || _rounds.Count >= RoundsMax) return null;
        long now = _time.GetTimestamp();
        if (_rounds.Count > 0 && _time.GetElapsedTime(_rounds[^1].SentAt, now) < OverlapAfter) return null;
        var round = new ReadRound(++_lastNumber, now);
        foreach ((RaftGroup group, ReadRequest read) in _waiting) AddLocked(round, group, read);
        _waiting.Clear();
        if (round.IsOver) return null;
        _rounds.Add(round);
        return round;
    }

    private void AddLocked(ReadRound round, RaftGroup group, ReadRequest read)
    {
        if (read.IsAnswered) return;
        ref (ulong Round, int Place) at = ref _placeOf[group.Shard.Value];
        if (at.Round != round.Number)
        {
            // The index behind the quorum: it covers what was acknowledged before this read came.
            if (group.Published.Reading is not { } quorum)
            {
                _askAlone(group, read);
                return;
            }

            at = (round.Number, round.Add(group, quorum, group.Published.Commit.Value));
        }

        round.Add(at.Place, read);
    }

    private void Pass(ReadRound.Item item, ref AnswerBatch? batch)
    {
        // Still the same office: it was held without a break since before the question.
        if (!item.IsConfirmed || item.Group.Published.Reading != item.Quorum)
        {
            AskAlone(item.Group, item.Reads);
            return;
        }

        long now = _time.GetTimestamp();
        foreach (ReadRequest read in item.Reads) read.ConfirmedAt = now;
        if (_context.Replicas.Applied(item.Group.Shard).Value < item.Index)
        {
            _awaitApply(item.Group, item.Index, item.Reads);
            return;
        }

        foreach (ReadRequest read in item.Reads)
        {
            read.PassedAt = now;
            if (read.TryPass(ref batch)) _context.Metrics.ReadIndex.Record(_time.GetElapsedTime(read.EnqueuedAt, now).TotalSeconds);
        }
    }

    private void AskAlone(RaftGroup group, List<ReadRequest> reads)
    {
        foreach (ReadRequest read in reads) _askAlone(group, read);
    }
}
