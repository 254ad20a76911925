using Nori.IO;
using NoriKV.Node.Entries;
using NoriKV.Node.Healing;
using NoriKV.Node.Log;
using NoriKV.Node.Machine;
using NoriKV.Node.Ports;
using NoriKV.Types;
using Raft = Nori.Raft.Core;

namespace NoriKV.Node.Replication;

/// <summary>
/// At start: applies again what is committed and was not in tables, and puts together what the cores start from. What the log
/// holds beyond the commit index is looked at, for configurations and stamps, and not applied: a majority decides.
/// </summary>
/// <param name="log">The shared log.</param>
/// <param name="replicas">The replicas of this node.</param>
/// <param name="storage">The engine.</param>
/// <param name="plan">What the cluster was founded with; null for a node alone.</param>
/// <param name="isFirstStart">No process before this one has run on the directory (decision 0168).</param>
/// <param name="logPath">For messages.</param>
internal sealed class GroupReplay(
    SharedLog log, ReplicaTable replicas, IStorage storage, ClusterPlan? plan, bool isFirstStart, string logPath)
{
    private const int RoundEntries = 4096;
    private const int RoundBytes = 4 << 20;

    private readonly ApplyRound _round = new(storage);
    private int _entries;

    /// <summary>Does it, for every replica of this node; returns what their groups start from.</summary>
    public IReadOnlyList<GroupStart> Run(CancellationToken cancellationToken)
    {
        var groups = new List<GroupStart>(replicas.Count);
        for (uint shard = 0; shard < (uint)replicas.Count; shard++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (replicas[new ShardId(shard)] is not { } machine) continue;
            if (log.StateOf(machine.State.Shard, machine.State.Replica) is { Damage: LogDamage.HardState } lost)
            {
                // It may have forgotten a vote: it never comes back under this id, and the node's other shards serve.
                replicas.Stop(lost.Shard, LogDamageText.NeverBack(logPath, lost));
                continue;
            }

            groups.Add(Start(machine));
        }

        Finish();
        return groups;
    }

    private GroupStart Start(ShardMachine machine)
    {
        ShardState state = machine.State;
        ShardId shard = state.Shard;
        GroupState? held = log.StateOf(shard, state.Replica);
        HardState hard = held?.HardState ?? default;
        LogIndex last = held?.LastIndex ?? state.Applied;
        Raft.ConfigurationEntry before = Entry(state.ConfigurationIndex, state.Configuration);
        var configurations = new List<Raft.ConfigurationEntry>();
        List<ConfigurationMember> members = [.. state.Configuration, .. Planned(shard)];
        long stamp = state.ShardTime;

        // What a lone voter has durably is committed, up to an entry that gives it company.
        bool isAlone = before.Configuration.IsOnlyVoter(new Raft.ReplicaId(state.Replica.Value));
        for (LogIndex index = state.Applied.Next; index.CompareTo(last) <= 0; index = index.Next)
        {
            LogEntry entry = Read(shard, index);
            stamp = Math.Max(stamp, EntryWriter.StampOf(entry.Envelope.Span));
            if (EntryWriter.KindOf(entry.Envelope.Span) == EntryKind.Configuration
                && EntryReader.TryDecode(entry.Envelope, out DecodedEntry decoded, out _))
            {
                configurations.Add(Entry(index, decoded.Members));
                members.AddRange(decoded.Members);
                isAlone &= index.CompareTo(hard.Commit) <= 0
                    && configurations[^1].Configuration.IsOnlyVoter(new Raft.ReplicaId(state.Replica.Value));
            }

            if (isAlone || index.CompareTo(hard.Commit) <= 0) Apply(machine, entry);
        }

        LogIndex commit = state.Applied.CompareTo(hard.Commit) > 0 ? state.Applied : hard.Commit;
        return new GroupStart(
            shard, state.Replica, ToRaft(state, held, hard, commit, last, before, configurations), members, stamp);
    }

    private Raft.RaftState ToRaft(
        ShardState state, GroupState? held, HardState hard, LogIndex commit, LogIndex last,
        Raft.ConfigurationEntry before, List<Raft.ConfigurationEntry> configurations)
    {
        LogIndex baseIndex = held?.PrefixIndex ?? state.Applied;
        Term baseTerm = held?.PrefixTerm ?? state.AppliedTerm;
        ulong term = Math.Max(hard.Term.Value, Math.Max((held?.LastTerm ?? default).Value, state.AppliedTerm.Value));
        ulong vote = term == hard.Term.Value ? hard.Vote.Value : 0;
        bool isInLog = before.Index.Value > baseIndex.Value;
        if (isInLog) configurations.Insert(0, before);
        return new Raft.RaftState
        {
            HardState = new Raft.HardState(new Raft.Term(term), new Raft.ReplicaId(vote), new Raft.LogIndex(commit.Value)),
            BaseIndex = new Raft.LogIndex(baseIndex.Value),
            BaseTerm = new Raft.Term(baseTerm.Value),
            LastIndex = new Raft.LogIndex(last.Value),
            Terms = Spans(state.Shard, baseIndex, last),
            LogBytes = held?.LiveBytes ?? 0,
            Applied = new Raft.LogIndex(state.Applied.Value),
            // Nobody asks for what was in effect before the applied index: that is committed.
            BaseConfiguration = isInLog ? before with { Index = default } : before,
            Configurations = configurations,
            IsDamaged = held is { Damage: LogDamage.Entries },
            IsFirstLife = isFirstStart && term == 0 && last.Value == 0,
        };
    }

    private List<Raft.TermSpan> Spans(ShardId shard, LogIndex baseIndex, LogIndex last)
    {
        var spans = new List<Raft.TermSpan>();
        for (LogIndex index = baseIndex.Next; index.CompareTo(last) <= 0; index = index.Next)
        {
            bool found = log.TryGetTerm(shard, index, out Term term);
            if (!found) throw new CorruptionException("log", 0, $"entry {index} of shard {shard}", "nothing");
            if (spans.Count > 0 && spans[^1].Term.Value == term.Value) continue;
            spans.Add(new Raft.TermSpan(new Raft.Term(term.Value), new Raft.LogIndex(index.Value)));
        }

        return spans;
    }

    private void Apply(ShardMachine machine, LogEntry entry)
    {
        ShardId shard = machine.State.Shard;
        if (replicas.Stopped(shard) is not null) return;
        if (_entries >= RoundEntries || _round.Bytes >= RoundBytes) Finish();
        try
        {
            machine.Apply(new CommittedEntry(shard, entry.Index, entry.Term, entry.Envelope, entry.Watermark, null), _round);
            _entries++;
        }
        catch (UnknownEntryException e)
        {
            replicas.Stop(shard, e.Message);
        }
        catch (CorruptionException e)
        {
            // As while it runs (ApplyWorker): nothing of the shard in this round counts.
            replicas.SetApart(shard, HealingText.SetApart(shard, e));
            _round.GiveUp(machine.State);
            (storage as IHealableStorage)?.NoteDamage(e);
        }
    }

    private void Finish()
    {
        if (_entries == 0) return;
        _round.Seal();
        _round.Write();
        foreach (ShardState state in _round.Touched) replicas.Publish(state);
        _round.Clear();
        _entries = 0;
    }

    private LogEntry Read(ShardId shard, LogIndex index) => log.TryReadEntry(shard, index, out LogEntry entry)
        ? entry
        : throw new CorruptionException("log", 0, $"entry {index} of shard {shard}", "nothing");

    private IEnumerable<ConfigurationMember> Planned(ShardId shard) => plan is null
        ? []
        : plan.Replicas(shard).Select(static r => new ConfigurationMember(r.Id, r.Node));

    private static Raft.ConfigurationEntry Entry(LogIndex index, IReadOnlyList<ConfigurationMember> members) =>
        new(new Raft.LogIndex(index.Value), ShardConfiguration.ToRaft(members));
}
