using Nori.Core;
using Nori.Raft.Core.Tests.Harness;

namespace Nori.Raft.Core.Tests;

/// <summary>
/// One test per rule, each with the sentence it checks: "Raft" is the paper "In Search of an Understandable
/// Consensus Algorithm (Extended Version)", "Dissertation" is "Consensus: Bridging Theory and Practice".
/// </summary>
public sealed class PaperTests
{
    // Raft §5.1: "If one server's current term is smaller than the other's, then it updates its current term
    // to the larger value. If a candidate or leader discovers that its term is out of date, it immediately
    // reverts to follower state."
    [Fact]
    public void A_leader_that_hears_of_a_later_term_follows()
    {
        SoloCore solo = SoloCore.Leader(3);
        solo.Step(solo.From(2, MessageKind.AppendResponse, term: 9) with { IsRejected = true });
        Assert.Equal((RaftRole.Follower, new Term(9)), (solo.Core.Role, solo.Core.Term));
    }

    // Raft §5.1: "If a server receives a request with a stale term number, it rejects the request."
    [Fact]
    public void An_append_of_an_earlier_term_is_rejected_with_the_later_one()
    {
        SoloCore solo = SoloCore.Follower(3, term: 5);
        Assert.Equal(StepResult.Ignored, solo.Step(solo.Append(2, term: 4, after: 0, afterTerm: 0, 4)));
        RaftMessage answer = Assert.Single(solo.Take().Messages);
        Assert.Equal((MessageKind.AppendResponse, true, new Term(5)), (answer.Kind, answer.IsRejected, answer.Term));
        Assert.Equal(0UL, solo.Core.LastIndex.Value);
    }

    // Raft §5.2: "Each server will vote for at most one candidate in a given term, on a
    // first-come-first-served basis."
    [Fact]
    public void A_vote_is_given_once_in_a_term()
    {
        SoloCore solo = SoloCore.Follower(3, term: 1);
        solo.Step(solo.Vote(2, term: 2));
        solo.Step(solo.Vote(3, term: 2));
        solo.Step(solo.Vote(2, term: 2));
        RaftMessage[] answers = solo.TakeAll().Where(m => m.Kind == MessageKind.VoteResponse).ToArray();
        Assert.Equal(2, answers.Count(a => a.To.Value == 2 && !a.IsRejected));
        Assert.True(Assert.Single(answers, a => a.To.Value == 3).IsRejected);
    }

    // Raft figure 2: "Persistent state on all servers: (Updated on stable storage before responding to
    // RPCs)".
    [Fact]
    public void A_vote_leaves_only_with_what_must_be_synced_first()
    {
        SoloCore solo = SoloCore.Follower(3, term: 1);
        solo.Step(solo.Vote(2, term: 2));
        Ready ready = solo.Take();
        Assert.DoesNotContain(ready.Messages, m => m.Kind == MessageKind.VoteResponse);
        Assert.Single(ready.MessagesAfterPersist, m => m.Kind == MessageKind.VoteResponse && !m.IsRejected);
        Assert.Equal((new Term(2), new ReplicaId(2)), (ready.HardState!.Value.Term, ready.HardState.Value.Vote));
        Assert.True(ready.MustSync);
    }

    // The same: a candidate's own vote is a response to itself.
    [Fact]
    public void The_own_vote_counts_when_it_is_durable()
    {
        SoloCore solo = new(1, default);
        solo.Core.Tick();
        Assert.Equal(RaftRole.Candidate, solo.Core.Role);
        Ready ready = solo.Take();
        Assert.Equal(RaftRole.Candidate, solo.Core.Role);
        solo.Core.Advance(new Persisted(ready.Number));
        Assert.Equal(RaftRole.Leader, solo.Core.Role);
    }

    // The same: a write that was under way before the vote makes durable only what is in it.
    [Fact]
    public void The_own_vote_does_not_count_with_an_earlier_write()
    {
        SoloCore solo = SoloCore.Follower(3, term: 1);
        solo.Step(solo.Append(2, term: 1, after: 0, afterTerm: 0, 1));
        Ready earlier = solo.Take();
        solo.Core.Wake(WakeReason.LeaderRestarted);
        for (int i = 0; i < 60 && solo.Core.Role == RaftRole.Follower; i++) solo.Core.Tick();
        solo.Step(solo.From(2, MessageKind.PreVoteResponse, term: 2));
        Assert.Equal(RaftRole.Candidate, solo.Core.Role);
        Ready vote = solo.Take();
        solo.Step(solo.From(2, MessageKind.VoteResponse));
        solo.Core.Advance(new Persisted(earlier.Number));
        Assert.Equal(RaftRole.Candidate, solo.Core.Role);
        solo.Core.Advance(new Persisted(vote.Number));
        Assert.Equal(RaftRole.Leader, solo.Core.Role);
    }

    // Raft §5.2: "If the leader's term (included in its RPC) is at least as large as the candidate's current term, then
    // the candidate recognizes the leader as legitimate and returns to follower state."
    [Fact]
    public void A_candidate_follows_the_leader_of_its_term()
    {
        SoloCore solo = SoloCore.Follower(3, term: 1);
        for (int i = 0; i < 60 && solo.Core.Role == RaftRole.Follower; i++) solo.Core.Tick();
        solo.Step(solo.From(2, MessageKind.PreVoteResponse, term: 2));
        Assert.Equal((RaftRole.Candidate, new Term(2)), (solo.Core.Role, solo.Core.Term));
        solo.Step(solo.Append(3, term: 2, after: 0, afterTerm: 0));
        Assert.Equal((RaftRole.Follower, new ReplicaId(3), new Term(2)), (solo.Core.Role, solo.Core.Leader, solo.Core.Term));
    }

    // Raft §5.2: "election timeouts are chosen randomly from a fixed interval", "to prevent split votes in the first place".
    // Here each voter has a part of the interval of its own.
    [Fact]
    public void Election_timeouts_are_spread_over_their_interval_and_no_two_voters_share_a_part_of_it()
    {
        for (ulong group = 0; group < 3; group++)
        {
            List<int>[] drawn = [.. Enumerable.Range(1, 3).Select(id => TimeoutsOf(group, (ulong)id).Distinct().ToList())];
            Assert.Equal(Enumerable.Range(10, 10), drawn.SelectMany(static d => d).Order());
            // Another one begins in each group.
            Assert.Contains(10, drawn[(3 - (int)group) % 3]);
        }
    }

    // The same of two that lost their leader: they share the interval between them.
    [Fact]
    public void The_voters_that_are_left_take_turns_to_stand()
    {
        List<int>[] drawn = [.. Enumerable.Range(1, 2).Select(static id => TimeoutsOf(1, (ulong)id, leader: 3).Distinct().ToList())];
        Assert.Equal(Enumerable.Range(10, 10), drawn.SelectMany(static d => d).Order());
    }

    private static IEnumerable<int> TimeoutsOf(ulong group, ulong replica, ulong leader = 0)
    {
        for (ulong seed = 0; seed < 200; seed++)
        {
            RaftCore core = new(
                new RaftOptions
                {
                    Group = new(group), Replica = new(replica), Seed = seed, ElectionTicksMin = 10, ElectionTicksMax = 20,
                    HeartbeatTicks = 2,
                },
                RaftState.New(new Configuration([new(1), new(2), new(3)])));
            if (leader != 0)
            {
                core.Step(new RaftMessage
                {
                    Kind = MessageKind.Heartbeat, Group = new(group), From = new(leader), To = new(replica), Term = new(1),
                });
                // The silence after the start is over long before a leader dies; here it would hide the first parts.
                core.IsEligible = false;
                for (int i = 0; i < 10; i++) core.Tick();
                core.IsEligible = true;
                core.Step(new RaftMessage
                {
                    Kind = MessageKind.Heartbeat, Group = new(group), From = new(leader), To = new(replica), Term = new(1),
                });
            }

            int ticks = 0;
            for (; core.Role == RaftRole.Follower; ticks++) core.Tick();
            yield return ticks;
        }
    }

    // Raft §5.1: "Servers retry RPCs if they do not receive a response in a timely manner": what was lost, or met a voter that was
    // loyal a moment longer, is asked again with each heartbeat's time.
    [Fact]
    public void A_question_for_a_vote_is_asked_again_before_the_timeout()
    {
        SoloCore solo = SoloCore.Follower(3, term: 1);
        for (int i = 0; i < 60 && solo.Core.Role == RaftRole.Follower; i++) solo.Core.Tick();
        Assert.Equal(2, solo.TakeAll().Count(static m => m.Kind == MessageKind.PreVote));
        solo.Step(solo.From(2, MessageKind.PreVoteResponse) with { IsRejected = true });
        for (int i = 0; i < 2; i++) solo.Core.Tick();
        // Who has answered is not asked again, and nobody's term has changed.
        RaftMessage asked = Assert.Single(solo.TakeAll());
        Assert.Equal((MessageKind.PreVote, new ReplicaId(3), new Term(1)), (asked.Kind, asked.To, solo.Core.Term));
    }

    // The same, of a restart: the vote is remembered.
    [Fact]
    public void A_vote_survives_a_restart()
    {
        SoloCore solo = new(3, new HardState(new Term(4), new ReplicaId(2), default));
        solo.EndSilence();
        solo.Step(solo.Vote(3, term: 4));
        Assert.True(Assert.Single(solo.TakeAll(), m => m.Kind == MessageKind.VoteResponse).IsRejected);
        solo.Step(solo.Vote(2, term: 4));
        Assert.False(Assert.Single(solo.TakeAll(), m => m.Kind == MessageKind.VoteResponse).IsRejected);
    }

    // Raft §5.4.1: "the voter denies its vote if its own log is more up-to-date than that of the candidate."
    [Theory]
    [InlineData(3, 2, false)]
    [InlineData(2, 2, true)]
    [InlineData(9, 1, true)]
    [InlineData(1, 3, false)]
    public void A_vote_needs_a_log_that_is_at_least_as_up_to_date(ulong lastIndex, ulong lastTerm, bool isDenied)
    {
        SoloCore solo = SoloCore.Follower(3, term: 3);
        solo.Step(solo.Append(2, term: 3, after: 0, afterTerm: 0, 1, 2, 2));
        solo.TakeAll();
        solo.Core.Wake(WakeReason.LeaderRestarted);
        solo.Step(solo.Vote(3, term: 4) with { Index = new(lastIndex), LogTerm = new(lastTerm) });
        Assert.Equal(isDenied, Assert.Single(solo.TakeAll(), m => m.Kind == MessageKind.VoteResponse).IsRejected);
    }

    // Raft §5.3: "If the follower does not find an entry in its log with the same index and term, then it
    // refuses the new entries."
    [Fact]
    public void An_append_behind_an_unknown_entry_is_refused_with_a_hint()
    {
        SoloCore solo = SoloCore.Follower(3, term: 4);
        solo.Step(solo.Append(2, term: 4, after: 0, afterTerm: 0, 1, 1, 2, 2));
        solo.TakeAll();
        solo.Step(solo.Append(2, term: 4, after: 9, afterTerm: 4, 4));
        RaftMessage answer = Assert.Single(solo.TakeAll());
        Assert.Equal((true, new LogIndex(9)), (answer.IsRejected, answer.Index));
        Assert.Equal((4UL, 2UL), (answer.HintIndex.Value, answer.HintTerm.Value));
        solo.Step(solo.Append(2, term: 4, after: 4, afterTerm: 3, 4));
        answer = Assert.Single(solo.TakeAll());
        Assert.Equal((true, 4UL, 2UL), (answer.IsRejected, answer.HintIndex.Value, answer.HintTerm.Value));
    }

    // Raft figure 2: "If an existing entry conflicts with a new one (same index but different terms), delete
    // the existing entry and all that follow it" — and only then: an append that is late must not cut off
    // what came after it.
    [Fact]
    public void Only_a_conflict_cuts_the_log()
    {
        SoloCore solo = SoloCore.Follower(3, term: 2);
        solo.Step(solo.Append(2, term: 2, after: 0, afterTerm: 0, 1, 1, 1, 1));
        solo.Step(solo.Append(2, term: 2, after: 0, afterTerm: 0, 1, 1));
        Assert.Equal(4UL, solo.Core.LastIndex.Value);
        solo.Step(solo.Append(2, term: 2, after: 1, afterTerm: 1, 2));
        Assert.Equal((2UL, 2UL), (solo.Core.LastIndex.Value, solo.Core.LastTerm.Value));
    }

    // Raft figure 2: "If leaderCommit > commitIndex, set commitIndex = min(leaderCommit, index of last new
    // entry)".
    [Fact]
    public void A_follower_commits_no_further_than_the_append_proves()
    {
        SoloCore solo = SoloCore.Follower(3, term: 2);
        solo.Step(solo.Append(2, term: 2, after: 0, afterTerm: 0, 1, 1, 1, 1));
        solo.Step(solo.Append(2, term: 2, after: 0, afterTerm: 0, 1, 1) with { Commit = new(4) });
        Assert.Equal(2UL, solo.Core.Commit.Value);
    }

    // Dissertation §10.2.1: "the leader may even commit an entry before it has been written to the leader's
    // own disk, if a majority of followers have written it to their disks" — and a follower answers only
    // after writing.
    [Fact]
    public void An_append_is_confirmed_only_when_durable()
    {
        SoloCore solo = SoloCore.Follower(3, term: 2);
        solo.Step(solo.Append(2, term: 2, after: 0, afterTerm: 0, 1, 1));
        Ready ready = solo.Take();
        Assert.Empty(ready.Messages);
        Assert.Equal(2UL, Assert.Single(ready.MessagesAfterPersist).Index.Value);
        Assert.True(ready.MustSync);
    }

    // The same: the leader's own copy counts when it is durable, not before, and is not needed when others
    // make the majority.
    [Fact]
    public void A_leaders_own_copy_counts_when_durable()
    {
        SoloCore solo = SoloCore.CommittedLeader(3);
        LogIndex index = solo.Core.TryPropose(1, 10).First;
        Ready ready = solo.Take();
        Assert.Contains(ready.Messages, m => m.Kind == MessageKind.Append && m.Entries.Last == index);
        solo.Step(solo.From(2, MessageKind.AppendResponse) with { Index = index });
        Assert.True(solo.Core.Commit < index);
        solo.Core.Advance(new Persisted(ready.Number));
        Assert.Equal(index, solo.Core.Commit);

        index = solo.Core.TryPropose(1, 10).First;
        solo.Take();
        solo.Step(solo.From(2, MessageKind.AppendResponse) with { Index = index });
        solo.Step(solo.From(3, MessageKind.AppendResponse) with { Index = index });
        Assert.Equal(index, solo.Core.Commit);
        Assert.True(solo.Core.DurableIndex < index);
    }

    // Raft, figure 2: "Updated on stable storage before responding to RPCs", of what is in the log now: a write that was under way
    // when its entries were cut off makes nothing durable that stands there since.
    [Fact]
    public void A_late_write_does_not_make_its_replacement_durable()
    {
        SoloCore solo = SoloCore.Follower(3, term: 2);
        solo.Step(solo.Append(2, term: 2, after: 0, afterTerm: 0, 1, 2, 2));
        Ready first = solo.Take();
        solo.Step(solo.Append(3, term: 3, after: 1, afterTerm: 1, 3, 3));
        Ready second = solo.Take();
        Assert.Equal(2UL, second.Entries.First.Value);
        solo.Core.Advance(new Persisted(first.Number));
        Assert.Equal(1UL, solo.Core.DurableIndex.Value);
        solo.Core.Advance(new Persisted(second.Number));
        Assert.Equal(3UL, solo.Core.DurableIndex.Value);
    }

    // Raft §5.4.2, figure 8: "only log entries from the leader's current term are committed by counting
    // replicas".
    [Fact]
    public void An_entry_of_an_earlier_term_is_not_committed_by_counting()
    {
        SoloCore solo = SoloCore.Leader(3, logTerms: [1, 1]);
        solo.Step(solo.From(2, MessageKind.AppendResponse) with { Index = new(2) });
        solo.Step(solo.From(3, MessageKind.AppendResponse) with { Index = new(2) });
        Assert.Equal(0UL, solo.Core.Commit.Value);
        solo.Step(solo.From(2, MessageKind.AppendResponse) with { Index = new(3) });
        Assert.Equal(3UL, solo.Core.Commit.Value);
    }

    // Raft §8: "each leader commit a blank no-op entry into the log at the start of its term".
    [Fact]
    public void A_term_begins_with_a_blank_entry()
    {
        ScriptCluster c = new(3);
        c.Elect(1);
        Assert.Equal((1UL, 1UL), (c[1].Commit.Value, c.Node(2).Applied.Value));
        Assert.Equal(0UL, c.Node(2).EntryAt(new LogIndex(1))!.Payload);
    }

    // Dissertation §9.6: "a candidate only increments its term if it first learns from a majority of the
    // cluster that they would be willing to grant the candidate their votes".
    [Fact]
    public void A_replica_that_cannot_win_does_not_raise_its_term()
    {
        ScriptCluster c = new(3);
        c.Elect(1);
        Term term = c[3].Term;
        c.Isolate(3);
        c.Tick(3, 200);
        Assert.Equal(term, c[3].Term);
        Assert.Equal(RaftRole.PreCandidate, c[3].Role);
        c.Heal();
        c.Run(4);
        Assert.Equal((RaftRole.Follower, term), (c[3].Role, c[1].Term));
    }

    // Dissertation §4.2.3: "if a server receives a RequestVote request within the minimum election timeout of
    // hearing from a current leader, it does not update its term or grant its vote."
    [Fact]
    public void A_voter_is_loyal_for_the_least_election_timeout()
    {
        SoloCore solo = SoloCore.Follower(3, term: 1);
        solo.Step(solo.From(2, MessageKind.Heartbeat) with { Round = 1 });
        solo.TakeAll();
        for (int i = 0; i < 9; i++) solo.Core.Tick();
        Assert.Equal(StepResult.Ignored, solo.Step(solo.Vote(3, term: 2)));
        Assert.Equal(StepResult.Ignored, solo.Step(solo.Vote(3, term: 2) with { Kind = MessageKind.PreVote }));
        Assert.Equal(1UL, solo.Core.Term.Value);
        // The leader itself asked for this one (dissertation §4.2.3, "disruptive" servers with a flag).
        Assert.Equal(StepResult.Processed, solo.Step(solo.Vote(3, term: 2) with { IsTransfer = true }));
        Assert.False(Assert.Single(solo.TakeAll(), m => m.Kind == MessageKind.VoteResponse).IsRejected);
    }

    // Loyalty is owed to a lease, and a lease does not end because somebody, somewhere, is in a later term.
    [Fact]
    public void Hearing_of_a_later_term_does_not_end_loyalty()
    {
        SoloCore solo = SoloCore.Follower(3, term: 1);
        solo.Step(solo.From(2, MessageKind.Heartbeat) with { Round = 1 });
        solo.Step(solo.From(3, MessageKind.AppendResponse, term: 5) with { IsRejected = true });
        Assert.Equal(5UL, solo.Core.Term.Value);
        Assert.Equal(StepResult.Ignored, solo.Step(solo.Vote(3, term: 6)));
    }

    // protocol.md §3: the promise of the process before died with it.
    [Fact]
    public void Nothing_is_granted_for_a_least_election_timeout_after_the_start()
    {
        SoloCore solo = new(3, default);
        for (int i = 0; i < 9; i++) solo.Core.Tick();
        Assert.Equal(StepResult.Ignored, solo.Step(solo.Vote(2, term: 1)));
        Assert.Equal(StepResult.Ignored, solo.Step(solo.Vote(2, term: 1) with { IsTransfer = true }));
        Assert.Equal(StepResult.Ignored, solo.Step(solo.Vote(2, term: 1) with { Kind = MessageKind.PreVote }));
        solo.Core.Tick();
        Assert.Equal(StepResult.Processed, solo.Step(solo.Vote(2, term: 1)));
    }

    // A replica that no process ran before promised nothing: decision 0168.
    [Fact]
    public void In_its_first_life_a_replica_votes_at_once_and_who_is_first_in_turn_stands_at_once()
    {
        RaftState state = RaftState.New(new Configuration([new(1), new(2), new(3)])) with { IsFirstLife = true };
        RaftOptions options = new() { Group = new(3), Replica = new(1), Seed = 1 };
        RaftCore first = new(options, state);
        first.Tick();
        Assert.Equal(RaftRole.PreCandidate, first.Role);
        RaftCore second = new(options with { Replica = new(2) }, state);
        second.Tick();
        Assert.Equal(RaftRole.Follower, second.Role);
        foreach (MessageKind kind in new[] { MessageKind.PreVote, MessageKind.Vote })
        {
            Assert.Equal(StepResult.Processed, second.Step(new RaftMessage
            {
                Kind = kind, Group = new(3), From = new(1), To = new(2), Term = new(1),
            }));
        }

        Assert.Equal(new ReplicaId(1), second.Vote);
        Assert.Throws<ArgumentException>(() => new RaftCore(
            options, state with { HardState = new HardState(new(1), default, default) }));
    }

    // Dissertation §6.2: "a leader steps down if an election timeout elapses without a successful round of
    // heartbeats to a majority".
    [Fact]
    public void A_leader_without_a_majority_steps_down()
    {
        ScriptCluster c = new(3);
        c.Elect(1);
        c.Isolate(1);
        c.Tick(1, 20);
        Assert.Equal(RaftRole.Follower, c[1].Role);
        Assert.Contains(c.Events, e => e.Kind == RaftEventKind.QuorumLost);
    }

    // protocol.md §3 ✗: every message carries group, from and to; others are dropped.
    [Fact]
    public void Messages_of_other_groups_and_replicas_are_dropped()
    {
        SoloCore solo = SoloCore.Follower(3, term: 1);
        RaftMessage vote = solo.Vote(2, term: 7);
        Assert.Equal(StepResult.Foreign, solo.Step(vote with { Group = new GroupId(99) }));
        Assert.Equal(StepResult.Foreign, solo.Step(vote with { To = new ReplicaId(99) }));
        Assert.Equal(StepResult.Foreign, solo.Step(vote with { From = default }));
        Assert.Equal(StepResult.Foreign, solo.Step(vote with { From = solo.Core.Replica }));
        Assert.Equal(1UL, solo.Core.Term.Value);
    }

    // Raft, figure 3: "If two logs contain an entry with the same index and term, then the logs are identical in all entries up
    // through the given index": what cannot be a part of such logs comes from no replica, and is no reason to change one.
    [Fact]
    public void Messages_that_contradict_themselves_are_dropped()
    {
        SoloCore solo = SoloCore.Follower(3, term: 5);
        RaftMessage good = solo.Append(2, term: 5, after: 0, afterTerm: 0, 1, 2);
        TermSpan one = new(new Term(1), new LogIndex(1));
        Assert.Equal(StepResult.Malformed, solo.Step(good with { Kind = MessageKind.None }));
        Assert.Equal(StepResult.Malformed, solo.Step(good with { Kind = (MessageKind)200 }));
        Assert.Equal(StepResult.Malformed, solo.Step(good with { Index = new(4) }));
        Assert.Equal(StepResult.Malformed, solo.Step(good with { LogTerm = new(6) }));
        Assert.Equal(StepResult.Malformed, solo.Step(good with { Entries = new(new(1), new(3), [], [], 0) }));
        Assert.Equal(StepResult.Malformed, solo.Step(good with { Entries = new(new(1), new(3), [one, one], [], 0) }));
        Assert.Equal(StepResult.Malformed, solo.Step(good with { Entries = new(new(1), new(0), [one], [], 0) }));
        Assert.Equal(StepResult.Malformed, solo.Step(good with { Entries = new(new(1), new(1), [one], [], -1) }));
        Assert.Equal(
            StepResult.Malformed,
            solo.Step(good with { Entries = new(new(1), new(1), [one], [new(new(2), Configuration.Empty)], 0) }));
        Assert.Equal(StepResult.Malformed, solo.Step(solo.From(2, MessageKind.Snapshot)));
        Assert.Equal(0UL, solo.Core.LastIndex.Value);
    }

    // Raft §5.2: "at most one leader can be elected in a given term"; figure 3, leader completeness.
    [Fact]
    public void Two_leaders_in_one_term_stop_a_replica_and_what_is_committed_is_never_cut_off()
    {
        SoloCore solo = SoloCore.Follower(3, term: 2);
        solo.Step(solo.Append(2, term: 2, after: 0, afterTerm: 0, 1, 1) with { Commit = new(2) });
        // Only a second leader in the term, or one that lacks what is committed, could ask for it: the first
        // is refused here.
        Assert.Throws<InvariantException>(() => solo.Step(solo.Append(3, term: 2, after: 2, afterTerm: 1, 2)));

        SoloCore other = SoloCore.Follower(3, term: 2);
        other.Step(other.Append(2, term: 2, after: 0, afterTerm: 0, 1, 1, 1) with { Commit = new(3) });
        Assert.Equal(StepResult.Processed, other.Step(other.Append(2, term: 2, after: 2, afterTerm: 1, 2)));
        Assert.Equal((3UL, 1UL), (other.Core.LastIndex.Value, other.Core.LastTerm.Value));
    }
}
