using NoriKV.Node.Peers;
using NoriKV.Types;

namespace NoriKV.Node.Replication;

/// <summary>
/// One question to the peers whether this node still leads: groups with reads, and who confirmed them. Whoever is asked of a
/// group answers for that group alone.
/// </summary>
/// <remarks>Guarded by the lock of <see cref="ReadRounds"/>, but for <see cref="Send"/>.</remarks>
internal sealed class ReadRound(ulong number, long sentAt)
{
    private readonly List<Item> _items = [];
    private readonly List<Question> _questions = [];
    private int _open;

    public ulong Number { get; } = number;

    public long SentAt { get; } = sentAt;

    /// <summary>All its groups are confirmed, or cannot be any more.</summary>
    public bool IsOver => _open == 0;

    /// <summary>A group takes part, with the index that its reads need; returns its place.</summary>
    public int Add(RaftGroup group, ReadQuorum quorum, ulong index)
    {
        var item = new Item(group, quorum, index);
        _items.Add(item);
        _open++;
        foreach ((NodeNumber node, ReplicaId replica) in quorum.Others)
        {
            QuestionTo(node).Groups.Add((_items.Count - 1, replica));
        }

        return _items.Count - 1;
    }

    /// <summary>Another read of a group that takes part.</summary>
    public void Add(int place, ReadRequest read)
    {
        read.AskedAt = SentAt;
        _items[place].Reads.Add(read);
    }

    /// <summary>Asks the peers.</summary>
    public void Send(PeerSender sender)
    {
        foreach (Question question in _questions)
        {
            sender.SendReadRound(question.Node, Number, question.Groups.Count, isAnswer: false, body =>
            {
                for (int i = 0; i < question.Groups.Count; i++)
                {
                    (int place, ReplicaId asked) = question.Groups[i];
                    Item item = _items[place];
                    ReadRoundFrame.WriteGroup(
                        body, i, new ReadRoundGroup(item.Group.Shard, item.Quorum.Term, item.Quorum.Leader, asked));
                }
            });
        }
    }

    /// <summary>Counts a peer's answer, once; adds the groups that it decided.</summary>
    public void NoteAnswer(NodeNumber from, in ReadRoundFrame answer, ReadOnlySpan<byte> bits, List<Item> decided)
    {
        Question? question = _questions.Find(q => q.Node == from);
        if (question is null || question.IsAnswered || question.Groups.Count != answer.Groups) return;
        question.IsAnswered = true;
        for (int i = 0; i < question.Groups.Count; i++)
        {
            Item item = _items[question.Groups[i].Place];
            if (item.IsDecided) continue;
            item.Note(ReadRoundFrame.IsSet(bits, i));
            if (!item.IsDecided) continue;
            _open--;
            decided.Add(item);
        }
    }

    /// <summary>Adds the groups that are not decided: they will not be.</summary>
    public void GiveUp(List<Item> undecided)
    {
        foreach (Item item in _items)
        {
            if (!item.IsDecided) undecided.Add(item);
        }

        _open = 0;
    }

    private Question QuestionTo(NodeNumber node)
    {
        foreach (Question question in _questions)
        {
            if (question.Node == node) return question;
        }

        var added = new Question(node);
        _questions.Add(added);
        return added;
    }

    /// <summary>A group of a round.</summary>
    public sealed class Item(RaftGroup group, ReadQuorum quorum, ulong index)
    {
        private int _confirmed;
        private int _refused;

        public RaftGroup Group { get; } = group;

        public ReadQuorum Quorum { get; } = quorum;

        /// <summary>What its state must be applied through.</summary>
        public ulong Index { get; } = index;

        public List<ReadRequest> Reads { get; } = [];

        public bool IsConfirmed => _confirmed >= Quorum.Needed;

        public bool IsDecided => IsConfirmed || Quorum.Others.Count - _refused < Quorum.Needed;

        public void Note(bool isConfirmed)
        {
            if (isConfirmed) _confirmed++;
            else _refused++;
        }
    }

    private sealed class Question(NodeNumber node)
    {
        public NodeNumber Node { get; } = node;

        public List<(int Place, ReplicaId Replica)> Groups { get; } = [];

        public bool IsAnswered { get; set; }
    }
}
