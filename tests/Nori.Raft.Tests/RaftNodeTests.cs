using Nori.Raft.Core;
using Nori.Raft.Tests.Harness;

namespace Nori.Raft.Tests;

/// <summary>What callers of a replica may rely on, one rule each.</summary>
public sealed class RaftNodeTests
{
    [Fact]
    public void A_command_is_applied_on_a_majority_and_answers_with_result_term_and_place()
    {
        Trio trio = new();
        Trio.Member leader = trio.Elect();
        CommandResult first = trio.Propose(leader, 10), second = trio.Propose(leader, 11);
        Assert.Equal((1ul, 2ul), (BitConverter.ToUInt64(first.Result.Span), BitConverter.ToUInt64(second.Result.Span)));
        Assert.Equal(first.Index.Next, second.Index);
        Assert.Equal(leader.Node.Status.Term, second.Term);
        trio.Run(200);
        Assert.All(trio.Members, m => Assert.Equal(leader.Machine.Hash, m.Machine.Hash));
    }

    [Fact]
    public void Others_than_the_leader_name_it_and_execute_nothing()
    {
        Trio trio = new();
        Trio.Member leader = trio.Elect();
        Trio.Member other = trio.Members.First(m => m != leader);
        CommandResult result = trio.Propose(other);
        Assert.Equal((CommandStatus.NotLeader, leader.Id, true), (result.Status, result.Leader, result.IsSafeToRetry));
        Assert.Equal(leader.Id, other.Node.Leader);
    }

    [Fact]
    public async Task Cancelling_throws_before_the_command_is_in_the_log_and_answers_unknown_afterwards()
    {
        Trio trio = new();
        Trio.Member leader = trio.Elect();
        using CancellationTokenSource early = new(), late = new();
        Task<CommandResult> never = leader.Propose(1, early.Token);
        await early.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => never);
        foreach (Trio.Member m in trio.Members.Where(m => m != leader)) trio.Network.SetCut(m.Id, true);
        Task<CommandResult> perhaps = leader.Propose(2, late.Token);
        leader.Step();
        await late.CancelAsync();
        CommandResult result = await perhaps;
        Assert.Equal((CommandStatus.Unknown, false), (result.Status, result.IsSafeToRetry));
        foreach (Trio.Member m in trio.Members) trio.Network.SetCut(m.Id, false);
        trio.Run(3000);
        Assert.Equal(1ul, trio.Leader.Machine.Count);
    }

    [Fact]
    public void A_command_that_finds_no_majority_is_unknown_after_some_patience()
    {
        Trio trio = new(change: o => o with { Patience = TimeSpan.FromSeconds(2) });
        Trio.Member leader = trio.Elect();
        trio.Network.SetCut(leader.Id, true);
        Task<CommandResult> command = leader.Propose(1);
        Task<ReadResult<ulong>> read = leader.Node.ReadAsync(() => leader.Machine.Count).AsTask();
        trio.Run(1900);
        Assert.False(command.IsCompleted);
        trio.Run(300);
        Assert.Equal(CommandStatus.Unknown, command.Result.Status);
        Assert.Equal(ReadStatus.NoLeader, read.Result.Status);
    }

    [Fact]
    public void A_command_that_another_leader_replaced_is_lost_and_was_not_executed()
    {
        Trio trio = new();
        Trio.Member old = trio.Elect();
        trio.Network.SetCut(old.Id, true);
        Task<CommandResult> command = old.Propose(77);
        trio.RunUntil(() => trio.Members.Exists(m => m != old && m.Node.IsLeader && m.Node.Status.Commit > old.Node.Status.Commit));
        trio.Propose(trio.Members.First(m => m != old && m.Node.IsLeader), 78);
        trio.Network.SetCut(old.Id, false);
        trio.RunUntil(() => command.IsCompleted);
        Assert.Equal((CommandStatus.Lost, true), (command.Result.Status, command.Result.IsSafeToRetry));
    }

    [Fact]
    public async Task More_commands_or_reads_than_may_be_under_way_are_overload()
    {
        Trio trio = new(change: o => o with { CommandsMax = 3, ReadsMax = 2 });
        Trio.Member leader = trio.Elect();
        Task<CommandResult>[] commands = Enumerable.Range(0, 5).Select(i => leader.Propose((ulong)i + 1)).ToArray();
        Task<ReadResult<int>>[] reads = Enumerable.Range(0, 3).Select(_ => leader.Node.ReadAsync(() => 1).AsTask()).ToArray();
        trio.Run(100);
        Assert.Equal(3, commands.Count(c => c.Result.IsApplied));
        Assert.Equal(2, commands.Count(c => c.Result.Status == CommandStatus.Overloaded));
        Assert.Equal(1, reads.Count(r => r.Result.Status == ReadStatus.Overloaded));
        Assert.True(trio.Propose(leader, 9).IsApplied);
        await Assert.ThrowsAsync<ArgumentOutOfRangeException>(() => leader.Node.ProposeAsync(new byte[(1 << 20) + 1]).AsTask());
    }

    [Fact]
    public async Task Whoever_disposes_it_second_waits_until_it_uses_its_log_no_more()
    {
        using ManualResetEventSlim stands = new(), goesOn = new();
        StandingLog log = new(stands, goesOn);
        RaftNode node = await RaftNode.StartAsync(new RaftNodeOptions
        {
            Replica = new ReplicaId(1), Log = log, StateMachine = new SimMachine(new SimChecker()), Snapshots = new MemorySnapshotStore(),
            Transport = new MemoryRaftNetwork().Of(new ReplicaId(1)), FirstVoters = [new ReplicaId(1)],
        });
        log.IsSlow = true;
        Task<CommandResult> command = node.ProposeAsync(new byte[8]).AsTask();
        stands.Wait(TestContext.Current.CancellationToken);
        Task first = node.DisposeAsync().AsTask(), second = node.DisposeAsync().AsTask();
        Assert.False(second.IsCompleted);
        goesOn.Set();
        await second;
        await first;
        Assert.True(command.IsCompleted);
    }

    // The promise leaves behind the write that makes it true, never before.
    [Fact]
    public void Nothing_is_confirmed_and_no_vote_given_before_the_log_has_written()
    {
        Trio trio = new();
        foreach (Trio.Member m in trio.Members) m.Stalled.Add("log");
        trio.Run(5000);
        Assert.All(trio.Members, m => Assert.NotEqual(RaftRole.Leader, m.Node.Status.Role));
        foreach (Trio.Member m in trio.Members) m.Stalled.Clear();
        Trio.Member leader = trio.Elect();
        foreach (Trio.Member m in trio.Members) m.Stalled.Add("log");
        Task<CommandResult> command = leader.Propose(1);
        trio.Run(500);
        Assert.False(command.IsCompleted);
        trio.Members.First(m => m != leader).Stalled.Clear();
        trio.Run(100);
        Assert.False(command.IsCompleted);
        trio.Members.Last(m => m != leader).Stalled.Clear();
        trio.Run(100);
        Assert.True(command.Result.IsApplied, "two of three hold it durably, the leader is not among them");
    }

    [Fact]
    public void A_leader_whose_log_hangs_gives_up_leadership_and_comes_back_when_it_gets_on()
    {
        Trio trio = new();
        Trio.Member leader = trio.Elect();
        leader.Stalled.Add("log");
        Task<CommandResult> command = leader.Propose(1);
        trio.Run(900);
        Assert.True(leader.Node.IsLeader);
        trio.Run(200);
        Assert.False(leader.Node.IsLeader);
        Assert.True(leader.Node.Status.IsLogStalled);
        trio.RunUntil(() => trio.Members.Exists(m => m != leader && m.Node.IsLeader));
        leader.Stalled.Clear();
        trio.Run(1000);
        Assert.False(leader.Node.Status.IsLogStalled);
        Assert.True(command.Result.IsApplied);
    }

    // docs/protocol.md §3: made up for, ticks would end a promise early, and a lease rests on that.
    [Fact]
    public void Ticks_that_were_missed_in_a_pause_are_not_made_up_for()
    {
        Trio trio = new();
        Trio.Member paused = trio.Members.First(m => m != trio.Elect());
        paused.IsDown = true;
        trio.Network.SetCut(paused.Id, true);
        trio.Run(5000);
        paused.IsDown = false;
        for (int i = 0; i < 200; i++) paused.Step("owner");
        Assert.Equal(RaftRole.Follower, paused.Node.Status.Role);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task What_cannot_be_stored_or_applied_ends_the_replica(bool isMachine)
    {
        Trio trio = new(change: o => o.Replica.Value != 1 ? o
            : isMachine ? o with { StateMachine = new Breaking() } : o with { Log = new BreakingLog(o.Log) });
        Trio.Member broken = trio[1];
        trio.Elect();
        Task<CommandResult>? pending = null;
        if (!isMachine)
        {
            ((BreakingLog)broken.Node.Options.Log).IsBroken = true;
            pending = broken.Propose(5);
        }

        Trio.Member other = trio.Members.Find(m => m != broken && m.Node.IsLeader) ?? broken;
        Task<CommandResult> command = other.Propose(6);
        trio.RunUntil(() => broken.Node.Failure is not null);
        Assert.IsType<IOException>(broken.Node.Failure);
        await broken.Node.Failed;
        if (pending is not null) Assert.NotEqual(CommandStatus.Applied, (await pending).Status);
        RaftStoppedException e = await Assert.ThrowsAsync<RaftStoppedException>(() => broken.Propose(7));
        Assert.Same(broken.Node.Failure, e.InnerException);
        trio.RunUntil(() => trio.Members.Exists(m => m != broken && m.Node.IsLeader));
        trio.RunUntil(() => command.IsCompleted);
        Assert.True(trio.Propose(trio.Leader, 8).IsApplied);
    }

    [Fact]
    public async Task Disposing_answers_what_is_under_way_as_unknown()
    {
        Trio trio = new();
        Trio.Member leader = trio.Elect();
        trio.Network.SetCut(leader.Id, true);
        Task<CommandResult> command = leader.Propose(1);
        leader.Step();
        Task<CommandResult> untaken = leader.Propose(2);
        Task<ReadResult<int>> read = leader.Node.ReadAsync(() => 1).AsTask();
        Task<LogIndex> snapshot = leader.Node.TakeSnapshotAsync();
        leader.Stop();
        Assert.Equal(CommandStatus.Unknown, (await command).Status);
        await Assert.ThrowsAsync<RaftStoppedException>(() => untaken);
        await Assert.ThrowsAsync<RaftStoppedException>(() => read);
        await Assert.ThrowsAsync<RaftStoppedException>(() => snapshot);
        await Assert.ThrowsAsync<RaftStoppedException>(() => leader.Node.TransferLeadershipAsync(new ReplicaId(2)));
    }

    [Fact]
    public void A_lease_that_ran_out_between_the_read_and_its_check_does_not_vouch_for_it()
    {
        Trio trio = new();
        Trio.Member leader = trio.Elect();
        Task<ReadResult<ulong>> under = leader.Node.ReadAsync(() => leader.Machine.Count, ReadConsistency.Lease).AsTask();
        trio.Run(5);
        Assert.True(under.Result.IsUnderLease);

        Task<ReadResult<ulong>> late = leader.Node.ReadAsync(() => leader.Machine.Count, ReadConsistency.Lease).AsTask();
        leader.Step("owner");
        leader.Step("apply");
        Assert.False(late.IsCompleted);
        // The process stood still; meanwhile others elected a leader that took a command.
        trio.Network.SetCut(leader.Id, true);
        leader.IsDown = true;
        trio.RunUntil(() => trio.Members.Exists(m => m != leader && m.Node.IsLeader && m.Node.Status.Commit > leader.Node.Status.Commit));
        trio.Propose(trio.Members.Find(m => m != leader && m.Node.IsLeader)!, 5);
        leader.IsDown = false;
        leader.Step("owner");
        Assert.False(late.IsCompleted);
        trio.Network.SetCut(leader.Id, false);
        trio.RunUntil(() => late.IsCompleted);
        Assert.Equal((1ul, false), (late.Result.Value, late.Result.IsUnderLease));
    }

    [Fact]
    public void Reads_on_any_replica_see_what_was_acknowledged_and_a_reader_that_throws_harms_nobody()
    {
        Trio trio = new();
        Trio.Member leader = trio.Elect();
        trio.Propose(leader);
        foreach (Trio.Member m in trio.Members)
        {
            Task<ReadResult<ulong>> read = m.Node.ReadAsync(() => m.Machine.Count).AsTask();
            Task<ReadResult<LogIndex>> barrier = m.Node.ReadBarrierAsync().AsTask();
            Task<ReadResult<int>> broken = m.Node.ReadAsync<int>(() => throw new InvalidTimeZoneException()).AsTask();
            trio.RunUntil(() => read.IsCompleted && barrier.IsCompleted && broken.IsCompleted);
            Assert.Equal(1ul, read.Result.Value);
            Assert.True(barrier.Result.Value >= new LogIndex(2));
            Assert.IsType<InvalidTimeZoneException>(broken.Exception!.InnerException);
            Assert.Null(m.Node.Failure);
        }
    }

    [Fact]
    public void A_single_voter_leads_alone()
    {
        Trio trio = new(voters: 1);
        Assert.True(trio.Propose(trio.Elect()).IsApplied);
    }

    [Fact]
    public void A_replica_joins_as_a_learner_is_promoted_and_the_leader_removes_itself()
    {
        Trio trio = new();
        Trio.Member leader = trio.Elect();
        for (ulong i = 1; i < 20; i++) trio.Propose(leader, i);
        ReplicaId four = new(4);
        trio.Add(four, []);
        MembersResult early = Change(trio, leader, new([.. trio.Voters, four]));
        Assert.Equal((MembersStatus.Refused, ConfigurationStatus.NotCaughtUp, four), (early.Status, early.Reason, early.Replica));
        MembersResult added = Change(trio, leader, new(trio.Voters, [four]));
        Assert.True(added.IsDone, added.ToString());
        trio.RunUntil(() => trio[4].Machine.Count == 19);
        MembersResult promoted = Change(trio, leader, new([.. trio.Voters, four]));
        for (int i = 0; i < 100 && promoted.Reason == ConfigurationStatus.NotCaughtUp; i++)
        {
            trio.Run(10);
            promoted = Change(trio, leader, new([.. trio.Voters, four]));
        }

        Assert.True(promoted.IsDone, promoted.ToString());
        MembersResult refused = Change(trio, trio.Members.First(m => m != leader), new(trio.Voters));
        Assert.Equal((ConfigurationStatus.NotLeader, leader.Id), (refused.Reason, refused.Replica));
        ReplicaId[] rest = [.. trio.Voters.Where(v => v != leader.Id), four];
        Change(trio, leader, new(rest));
        trio.RunUntil(() => trio.Members.Exists(m => m != leader && m.Node.IsLeader));
        Assert.True(trio.Propose(trio.Leader, 100).IsApplied);
        Assert.Equal(rest, trio.Leader.Node.Status.Configuration.Voters);
    }

    [Fact]
    public void Leadership_is_handed_over_or_the_reason_is_told()
    {
        Trio trio = new();
        Trio.Member leader = trio.Elect();
        Trio.Member target = trio.Members.First(m => m != leader);
        Assert.Equal(TransferResult.NotEligible, Transfer(trio, leader, new ReplicaId(9)));
        Assert.Equal(TransferResult.NotLeader, Transfer(trio, target, leader.Id));
        Assert.Equal(TransferResult.Done, Transfer(trio, leader, target.Id));
        Assert.True(target.Node.IsLeader);
        target.Stalled.Clear();
        trio.Network.SetCut(leader.Id, true);
        Assert.Equal(TransferResult.TimedOut, Transfer(trio, target, leader.Id));
    }

    [Fact]
    public void A_damaged_replica_heals_from_its_leader_and_its_log_no_longer_says_so()
    {
        Trio trio = new();
        Trio.Member leader = trio.Elect();
        for (ulong i = 1; i < 10; i++) trio.Propose(leader, i);
        trio.Run(100);
        Trio.Member damaged = trio.Members.First(m => m != leader);
        damaged.Stop();
        damaged.Log.Write([new RaftLogWrite { IsDamaged = true, MustSync = true }]);
        trio.Network.SetCut(damaged.Id, true);
        damaged.Start();
        trio.Run(3000);
        Assert.True(damaged.Node.Status.IsDamaged);
        Assert.True(damaged.Log.Open()!.IsDamaged);
        trio.Network.SetCut(damaged.Id, false);
        trio.RunUntil(() => !damaged.Node.Status.IsDamaged);
        trio.Run(10);
        Assert.False(damaged.Log.Open()!.IsDamaged);
        Assert.Equal(9ul, damaged.Machine.Count);
    }

    private static MembersResult Change(Trio trio, Trio.Member member, ConfigurationTarget target)
    {
        Task<MembersResult> task = member.Node.ChangeMembersAsync(target);
        trio.RunUntil(() => task.IsCompleted);
        return task.Result;
    }

    private static TransferResult Transfer(Trio trio, Trio.Member member, ReplicaId target)
    {
        Task<TransferResult> task = member.Node.TransferLeadershipAsync(target);
        trio.RunUntil(() => task.IsCompleted);
        return task.Result;
    }

    private sealed class StandingLog(ManualResetEventSlim stands, ManualResetEventSlim goesOn) : IRaftLog
    {
        private readonly MemoryRaftLog _inner = new();

        public volatile bool IsSlow;

        public RaftState? Open() => _inner.Open();

        public void Write(IReadOnlyList<RaftLogWrite> writes)
        {
            if (IsSlow)
            {
                stands.Set();
                goesOn.Wait();
            }

            _inner.Write(writes);
        }

        public void Read(LogIndex first, LogIndex last, long bytesMax, List<RaftEntry> entries) =>
            _inner.Read(first, last, bytesMax, entries);
    }

    private sealed class Breaking : IStateMachine
    {
        public ReadOnlyMemory<byte> Apply(in RaftEntry entry) => throw new IOException("broken");

        public Action<Stream> CaptureSnapshot() => _ => { };

        public void Restore(Stream snapshot, SnapshotMeta meta)
        {
        }
    }

    private sealed class BreakingLog(IRaftLog inner) : IRaftLog
    {
        public bool IsBroken { get; set; }

        public RaftState? Open() => inner.Open();

        public void Write(IReadOnlyList<RaftLogWrite> writes)
        {
            if (IsBroken) throw new IOException("broken");
            inner.Write(writes);
        }

        public void Read(LogIndex first, LogIndex last, long bytesMax, List<RaftEntry> entries) =>
            inner.Read(first, last, bytesMax, entries);
    }
}
