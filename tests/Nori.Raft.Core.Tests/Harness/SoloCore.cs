namespace Nori.Raft.Core.Tests.Harness;

/// <summary>One core, replica 1, whose peers are the test.</summary>
internal sealed class SoloCore
{
    private static readonly GroupId Group = new(1);

    public SoloCore(int voters, HardState hard, ulong[]? logTerms = null, bool isDamaged = false)
    {
        List<TermSpan> terms = [];
        for (int i = 0; i < (logTerms?.Length ?? 0); i++)
            if (i == 0 || logTerms![i] != logTerms[i - 1]) terms.Add(new(new(logTerms![i]), new((ulong)i + 1)));
        Configuration first = new(Enumerable.Range(1, voters).Select(i => new ReplicaId((ulong)i)));
        RaftState state = RaftState.New(first) with
        {
            HardState = hard, Terms = terms, LastIndex = new((ulong)(logTerms?.Length ?? 0)), IsDamaged = isDamaged,
        };
        Core = new RaftCore(
            new RaftOptions
            {
                Group = Group, Replica = new(1), Seed = 1, ElectionTicksMin = 10, ElectionTicksMax = 20, HeartbeatTicks = 2,
                PromotionLagMax = 3, UncommittedBytesMax = 1_000_000, PendingReadsMax = 4,
            },
            state);
    }

    public RaftCore Core { get; }

    public long Now { get; set; }

    public static SoloCore Follower(int voters, ulong term)
    {
        SoloCore solo = new(voters, new HardState(new(term), default, default));
        solo.EndSilence();
        return solo;
    }

    /// <summary>
    /// A leader of the term behind its log's, whose blank entry is durable here and nowhere else.
    /// </summary>
    public static SoloCore Leader(int voters, ulong[]? logTerms = null)
    {
        SoloCore solo = new(voters, new HardState(new(logTerms?[^1] ?? 1), default, default), logTerms);
        for (int i = 0; i < 60 && solo.Core.Role == RaftRole.Follower; i++) solo.Core.Tick();
        solo.TakeAll();
        for (int id = 2; id <= voters && solo.Core.Role == RaftRole.PreCandidate; id++)
            solo.Step(solo.From((ulong)id, MessageKind.PreVoteResponse, solo.Core.Term.Value + 1));
        solo.TakeAll();
        for (int id = 2; id <= voters && solo.Core.Role == RaftRole.Candidate; id++)
            solo.Step(solo.From((ulong)id, MessageKind.VoteResponse));
        Assert.Equal(RaftRole.Leader, solo.Core.Role);
        solo.TakeAll();
        return solo;
    }

    /// <summary>The same, and the blank entry is committed.</summary>
    public static SoloCore CommittedLeader(int voters)
    {
        SoloCore solo = Leader(voters);
        for (int id = 2; id <= voters; id++)
            solo.Step(solo.From((ulong)id, MessageKind.AppendResponse) with { Index = solo.Core.LastIndex });
        solo.TakeAll();
        Assert.Equal(solo.Core.LastIndex, solo.Core.Commit);
        return solo;
    }

    public void EndSilence()
    {
        for (int i = 0; i < 10; i++) Core.Tick();
        Assert.Equal(RaftRole.Follower, Core.Role);
    }

    public StepResult Step(in RaftMessage message) => Core.Step(message);

    public Ready Take() => Core.TakeReady(Now);

    /// <summary>Takes all there is, makes it durable, and gives the messages.</summary>
    public List<RaftMessage> TakeAll() => TakeReadies().SelectMany(r => r.Messages.Concat(r.MessagesAfterPersist)).ToList();

    public List<Ready> TakeReadies()
    {
        List<Ready> readies = [];
        while (Core.HasReady)
        {
            readies.Add(Take());
            Core.Advance(new Persisted(readies[^1].Number));
        }

        return readies;
    }

    /// <summary>A round of heartbeats, sent now and confirmed by replica 2.</summary>
    public void GiveRound()
    {
        for (int i = 0; i < 2; i++) Core.Tick();
        ulong round = TakeAll().Last(m => m.Kind == MessageKind.Heartbeat).Round;
        Step(From(2, MessageKind.HeartbeatResponse) with { Round = round });
    }

    public RaftMessage From(ulong id, MessageKind kind, ulong? term = null) => new()
    {
        Kind = kind, Group = Group, From = new(id), To = Core.Replica, Term = term is { } t ? new Term(t) : Core.Term,
    };

    public RaftMessage Vote(ulong id, ulong term) =>
        From(id, MessageKind.Vote, term) with { Index = new(1000), LogTerm = new(term - 1) };

    public RaftMessage Append(ulong id, ulong term, ulong after, ulong afterTerm, params ulong[] terms)
    {
        List<TermSpan> spans = [];
        for (int i = 0; i < terms.Length; i++)
            if (i == 0 || terms[i] != terms[i - 1]) spans.Add(new(new(terms[i]), new(after + (ulong)i + 1)));
        EntryRange entries = terms.Length == 0
            ? EntryRange.Empty
            : new EntryRange(new(after + 1), new(after + (ulong)terms.Length), spans, [], terms.Length * 10);
        return From(id, MessageKind.Append, term) with { Index = new(after), LogTerm = new(afterTerm), Entries = entries };
    }
}
