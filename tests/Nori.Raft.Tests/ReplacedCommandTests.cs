using Nori.Raft.Core;
using Nori.Raft.Tests.Harness;

namespace Nori.Raft.Tests;

/// <summary>What is said of commands whose entries were replaced in the log of the replica that proposed them.</summary>
public sealed class ReplacedCommandTests
{
    private const ulong Command = 777;

    // Figure 8 of the paper: 1 proposes and gives its entries to 2 only; another leads, and replaces them in 1's log; 1 leads again and
    // proposes at the same index; 2, which still holds the first entry, is elected with it and commits it.
    [Fact]
    public void A_command_that_was_replaced_here_is_not_called_lost_while_another_replica_may_commit_it()
    {
        FilteredNetwork network = new();
        Trio five = new(5, o => o with { Transport = network.Of(o.Replica) });
        Trio.Member first = five.Elect();
        Trio.Member holder = five.Members.First(m => m != first);
        Trio.Member[] others = [.. five.Members.Where(m => m != first && m != holder)];
        network.Connect(first, holder);
        // Ahead of it, so that another leader's first entry does not take its index.
        for (ulong i = 1; i <= 5; i++) _ = first.Propose(100 + i);
        Task<CommandResult> command = first.Propose(Command);
        five.Run(60);
        LogIndex at = first.Node.Status.Last;

        network.ConnectForVotes(others);
        five.RunUntil(() => others.Any(m => m.Node.IsLeader));
        Trio.Member other = others.First(m => m.Node.IsLeader);
        network.Connect(other, first);
        five.RunUntil(() => first.Node.Status.Last < at && first.Node.Status.Term == other.Node.Status.Term);

        Trio.Member[] rest = [.. others.Where(m => m != other)];
        network.ConnectForVotes([first, .. rest]);
        five.RunUntil(() => first.Node.IsLeader);
        var later = new List<Task<CommandResult>>();
        while (first.Node.Status.Last < at)
        {
            later.Add(first.Propose(200));
            five.Run(1);
        }

        Assert.False(command.IsCompleted);
        network.ConnectForVotes([holder, .. rest]);
        five.RunUntil(() => holder.Node.IsLeader);
        network.Connect([holder, .. rest]);
        five.RunUntil(() => holder.Machine.Last >= at);
        List<RaftEntry> held = [];
        holder.Log.Read(at, at, 1000, held);
        Assert.Equal(Command, BitConverter.ToUInt64(held[0].Data.Span));
        Assert.False(command.IsCompleted && command.Result.IsSafeToRetry);

        // Once the replica that proposed it sees what is committed at its index, both are told the truth.
        network.Connect([.. five.Members]);
        five.RunUntil(() => command.IsCompleted && later.TrueForAll(static t => t.IsCompleted));
        Assert.Equal(CommandStatus.Applied, command.Result.Status);
        Assert.Equal(CommandStatus.Lost, later[^1].Result.Status);
    }

    /// <summary>Carries frames among those that are connected; at first among all.</summary>
    private sealed class FilteredNetwork
    {
        private readonly Dictionary<ReplicaId, Transport> _transports = [];
        private ReplicaId[]? _connected;
        private bool _votesOnly;

        public IRaftTransport Of(ReplicaId replica) =>
            _transports.TryGetValue(replica, out Transport? known) ? known : _transports[replica] = new Transport(this, replica);

        public void Connect(params Trio.Member[] members) =>
            (_connected, _votesOnly) = ([.. members.Select(static m => m.Id)], false);

        /// <summary>One of them can be elected, and nothing else.</summary>
        public void ConnectForVotes(params Trio.Member[] members) =>
            (_connected, _votesOnly) = ([.. members.Select(static m => m.Id)], true);

        private bool Passes(ReplicaId from, ReplicaId to, in RaftMessage message) =>
            (_connected is null || (_connected.Contains(from) && _connected.Contains(to)))
            && (!_votesOnly || message.Kind is MessageKind.PreVote or MessageKind.PreVoteResponse
                or MessageKind.Vote or MessageKind.VoteResponse);

        private sealed class Transport(FilteredNetwork network, ReplicaId self) : IRaftTransport
        {
            public Action<ReadOnlyMemory<byte>>? Received { get; set; }

            public bool TrySend(ReplicaId target, RaftChannel channel, ReadOnlyMemory<byte> frame)
            {
                if (!Frames.TryOpen(frame, out FrameKind kind, out ReadOnlyMemory<byte> body) || kind != FrameKind.Message) return false;
                if (!RaftMessageCodec.TryRead(body.Span, out RaftMessage message, [])) return false;
                if (!network.Passes(self, target, message) || !network._transports.TryGetValue(target, out Transport? other)) return false;
                other.Received?.Invoke(frame);
                return true;
            }
        }
    }
}
