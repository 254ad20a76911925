using Nori.Core;

namespace Nori.Raft.Core;

public sealed partial class RaftCore
{
    // After every call. A broken one means that going on could answer wrongly: the replica stops.
    private void CheckInvariants()
    {
        _log.CheckInvariants();
        Invariant.Assert(_log.BaseIndex <= _commit);
        Invariant.Assert(_commit <= _log.LastIndex);
        Invariant.Assert(_emitted <= _commit);
        Invariant.Assert(_log.BaseIndex <= _emitted);
        Invariant.Assert(_durable <= _log.LastIndex);
        Invariant.Assert(_unstable <= _log.LastIndex.Next);
        Invariant.Assert(_durable < _unstable);
        Invariant.Assert(_log.LastTerm <= _term);
        Invariant.Assert(_durableHardState.Term <= _storedHardState.Term);
        Invariant.Assert(_storedHardState.Term <= _term);
        CheckConfigurations();
        if (Role == RaftRole.Leader) CheckLeader();
        else CheckNoLeader();
        if (Role == RaftRole.Candidate) Invariant.Assert(_vote == Replica);
        if (_damaged) Invariant.Assert(Role == RaftRole.Follower);
        if (_sleep != SleepState.Awake) Invariant.Assert(Role is RaftRole.Leader or RaftRole.Follower);
    }

    private void CheckConfigurations()
    {
        LogIndex before = _log.BaseIndex;
        Invariant.Assert(_baseConfiguration.Index <= before);
        foreach (ConfigurationEntry entry in _configurations)
        {
            Invariant.Assert(entry.Index > before);
            Invariant.Assert(entry.Index <= _log.LastIndex);
            before = entry.Index;
        }
    }

    private void CheckNoLeader()
    {
        Invariant.Assert(_leader != Replica);
        Invariant.Assert(_progress.Count == 0);
        Invariant.Assert(_reads.Count == 0);
        Invariant.Assert(_transferTarget.IsNone);
    }

    private void CheckLeader()
    {
        Invariant.Assert(_leader == Replica);
        Invariant.Assert(_log.LastTerm == _term);
        Invariant.Assert(_termStart.Value > 0);
        Invariant.Assert(_confirmedRound <= _round);
        Invariant.Assert(_progress.Count == Configuration.Members.Count - (Configuration.Contains(Replica) ? 1 : 0));
        foreach (Progress peer in _progress) peer.CheckInvariants(_log.LastIndex);
    }
}
