using Nori.Core;

namespace Nori.Raft.Core;

// Raft §6; dissertation §4.1: "The new configuration takes effect on each server as soon as it is added to that
// server's log". One change at a time; every change of voters goes through a joint configuration, which any leader
// leaves once it is committed.
public sealed partial class RaftCore
{
    private const long BytesPerMember = 16;

    // In the log above the base, oldest first; the last one is in effect.
    private readonly List<ConfigurationEntry> _configurations = [];
    private ConfigurationEntry _baseConfiguration;

    /// <summary>The configuration in effect.</summary>
    public Configuration Configuration => CurrentConfiguration.Configuration;

    /// <summary>Where its entry stands: what a proposal for the next one must name.</summary>
    public LogIndex ConfigurationIndex => CurrentConfiguration.Index;

    private ConfigurationEntry CurrentConfiguration =>
        _configurations.Count > 0 ? _configurations[^1] : _baseConfiguration;

    /// <summary>
    /// Proposes another configuration. A change of voters takes two entries, of which this is the first; the
    /// second follows by itself, under whatever leader.
    /// </summary>
    /// <param name="plannedAgainst">The <see cref="ConfigurationIndex"/> that the plan was made for.</param>
    /// <param name="target">Who shall take part in the end.</param>
    public ConfigurationResult TryProposeConfiguration(LogIndex plannedAgainst, ConfigurationTarget target)
    {
        (ConfigurationStatus status, ReplicaId replica) = Judge(plannedAgainst, target);
        if (status != ConfigurationStatus.Accepted) return new ConfigurationResult(status, default, replica);
        if (_sleep != SleepState.Awake) WakeUp();
        AppendConfiguration(Configuration.Toward(target));
        CheckInvariants();
        return new ConfigurationResult(status, _log.LastIndex, default);
    }

    private (ConfigurationStatus Status, ReplicaId Replica) Judge(LogIndex plannedAgainst, ConfigurationTarget target)
    {
        if (Role != RaftRole.Leader) return (ConfigurationStatus.NotLeader, default);
        if (!_transferTarget.IsNone) return (ConfigurationStatus.Transferring, default);
        // The bug in the single-server change of the dissertation (Ongaro, 2015): two leaders each change the
        // configuration without an entry of their own term between, and their majorities do not meet.
        if (_commit < _termStart) return (ConfigurationStatus.NoCommitInTerm, default);
        if (Configuration.IsJoint || ConfigurationIndex > _commit) return (ConfigurationStatus.InProgress, default);
        if (plannedAgainst != ConfigurationIndex) return (ConfigurationStatus.Stale, default);
        if (!IsValid(target)) return (ConfigurationStatus.Invalid, default);
        foreach (ReplicaId voter in target.Voters)
            if (!Configuration.IsVoter(voter) && !IsCaughtUp(voter)) return (ConfigurationStatus.NotCaughtUp, voter);
        return (ConfigurationStatus.Accepted, default);
    }

    private bool IsValid(ConfigurationTarget target)
    {
        if (target.Voters.Count == 0) return false;
        ReplicaId[] all = target.Voters.Concat(target.Learners).Order().ToArray();
        if (all[0].IsNone || all.Distinct().Count() != all.Length) return false;
        return !Configuration.Toward(target).Equals(Configuration);
    }

    // "servers ... join the cluster as non-voting members ... Once the new servers have caught up" (Raft §6).
    private bool IsCaughtUp(ReplicaId id) => Configuration.IsLearner(id) && FindProgress(id) is { } peer
        && peer.State == ProgressState.Replicate && peer.Match + _options.PromotionLagMax >= _log.LastIndex;

    private void AppendConfiguration(Configuration configuration)
    {
        _log.Append(_term, 1);
        _sizes.Append(_log.LastIndex, BytesPerMember * (1 + configuration.Members.Count));
        _appendsDue = true;
        AddConfiguration(new ConfigurationEntry(_log.LastIndex, configuration));
    }

    private void AddConfiguration(ConfigurationEntry entry)
    {
        _configurations.Add(entry);
        Emit(RaftEventKind.ConfigurationAppended, default, entry.Index);
        FollowConfiguration();
    }

    private void UndoConfigurations(LogIndex from)
    {
        bool undone = false;
        while (_configurations.Count > 0 && _configurations[^1].Index >= from)
        {
            Emit(RaftEventKind.ConfigurationUndone, default, _configurations[^1].Index);
            _configurations.RemoveAt(_configurations.Count - 1);
            undone = true;
        }

        if (undone) FollowConfiguration();
    }

    private ConfigurationEntry ConfigurationAt(LogIndex index)
    {
        ConfigurationEntry at = _baseConfiguration;
        foreach (ConfigurationEntry entry in _configurations)
            if (entry.Index <= index) at = entry;
        return at;
    }

    /// <summary>
    /// For a replica that began without knowing its group (an owner that lost what it had applied, and not its log): the
    /// configuration at an index that its log lies behind. Does nothing where one is known.
    /// </summary>
    public void AdoptConfiguration(ConfigurationEntry entry)
    {
        if (_baseConfiguration.Configuration.Members.Count > 0 || entry.Index > _log.BaseIndex) return;
        _baseConfiguration = entry;
        CheckInvariants();
    }

    // A leader writes to exactly the members of the configuration in effect.
    private void FollowConfiguration()
    {
        if (Role != RaftRole.Leader) return;
        _progress.RemoveAll(p => !Configuration.Contains(p.Id));
        foreach (ReplicaId member in Configuration.Members)
        {
            if (member == Replica || FindProgress(member) is not null) continue;
            InflightWindow window = new(_options.InflightMessagesMax, _options.InflightBytesMax);
            int at = _progress.TakeWhile(p => p.Id.CompareTo(member) < 0).Count();
            _progress.Insert(at, new Progress(member, _log.LastIndex.Next, window) { RecentlyActive = true });
        }

        if (!_transferTarget.IsNone && !Configuration.Voters.Contains(_transferTarget)) AbortTransfer();
        _appendsDue = true;
    }

    private void OnCommitOfLeader()
    {
        if (_commit < _termStart || ConfigurationIndex > _commit) return;
        if (Configuration.IsJoint)
        {
            // Whoever leads when the joint configuration is committed ends it: the one that began it may be
            // gone.
            AppendConfiguration(Configuration.Leave());
            AdvanceCommit();
            return;
        }

        if (!Configuration.IsVoter(Replica)) HandOverAndLeave();
    }

    // "the leader steps down (returns to follower state) once it has committed the Cnew log entry" (Raft §6).
    private void HandOverAndLeave()
    {
        Emit(RaftEventKind.Removed);
        FlushAppends();
        Progress? best = _progress.Where(p => Configuration.IsVoter(p.Id)).MaxBy(p => p.Match);
        if (best is not null && best.Match >= _commit) SendTimeoutNow(best.Id);
        BecomeFollower(_term, ReplicaId.None);
    }
}
