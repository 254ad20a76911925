using NoriKV.Node.Meta;
using NoriKV.Node.Peers;

namespace NoriKV.Node.Formation;

/// <summary>What comes from others: questions, and answers to ours.</summary>
public sealed partial class Founder
{
    /// <inheritdoc/>
    public IdentifyReply Identify(IdentifyRequest caller)
    {
        lock (_gate)
        {
            if (caller.Node.StoreUuid != StoreUuid && caller.ClusterName == _options.ClusterName) Add(caller.Node.Address);
            FormationProposal? held = _formed is null ? _file.Accepted : null;
            return new IdentifyReply
            {
                Self = Stage == FormationStage.ClusterFound ? _self with { Expect = 0 } : _self,
                ClusterId = _formed?.ClusterId ?? Guid.Empty,
                Sighted = _sighted,
                Held = held?.ClusterId ?? Guid.Empty,
                HeldBy = held?.Proposer.Name ?? "",
                Known = [.. _asked.Select(static a => a.Address).Take(IdentifyReply.KnownMax)],
            };
        }
    }

    /// <inheritdoc/>
    public FormReply Form(FormationProposal proposal)
    {
        lock (_gate)
        {
            if (_failure is not null) return Refuse(proposal, "its directory failed");
            if (_formed is { } formed)
            {
                return formed.ClusterId == proposal.ClusterId
                    ? Accept(proposal)
                    : Refuse(proposal, $"{_options.NodeName} belongs to cluster {formed.ClusterId}");
            }

            if (WhyNot(proposal) is { } why) return Refuse(proposal, why);
            if (_file.Accepted?.ClusterId == proposal.ClusterId) return Accept(proposal);
            if (_file.Accepted is { } held && !GivesWay(held, proposal))
                return Refuse(proposal, $"{_options.NodeName} holds the proposal {held.ClusterId} of {held.Proposer.Name}");
            // One write: there is no moment without the old one and without the new one.
            Save(_file with { Accepted = proposal });
            Resume(proposal);
            return Accept(proposal);
        }
    }

    /// <inheritdoc/>
    public ValueTask<JoinReply> JoinAsync(JoinCall call, CancellationToken cancellationToken) =>
        ValueTask.FromResult(JoinAnswer.NotNow($"{_options.NodeName} has no cluster yet: {Waiting}"));

    // Its own proposal ends where it is replaced: only its proposer could have decided on it.
    private bool GivesWay(FormationProposal held, FormationProposal proposal) =>
        held.Proposer.StoreUuid == StoreUuid
        && string.CompareOrdinal(proposal.Proposer.Name, held.Proposer.Name) < 0;

    private string? WhyNot(FormationProposal proposal)
    {
        string me = _options.NodeName;
        if (Stage == FormationStage.ClusterFound) return $"{me} found a cluster at {FoundAt} and joins it";
        if (_sighted != Guid.Empty) return $"{me} sees cluster {_sighted}";
        if (proposal.NumberOf(StoreUuid).Value == 0)
        {
            return proposal.Members.FirstOrDefault(m => m.Name == me) is { } other
                ? $"{me} lives on store {StoreUuid}, not on {other.StoreUuid}"
                : $"{me} is not among the founders proposed";
        }

        FormationMember mine = proposal.Members.First(m => m.StoreUuid == StoreUuid);
        if (mine != _self.Node) return $"{me} is at {_options.Address} now, not at {mine.Address}";
        // One of its own that it gave up and that comes back late.
        if (proposal.Proposer.StoreUuid == StoreUuid && _file.Accepted?.ClusterId != proposal.ClusterId)
            return $"{me} gave that proposal up";
        if (proposal.Members.Count != _options.Expect)
            return $"{me} has bootstrap_expect {_options.Expect}, {proposal.Members.Count} founders are proposed";
        return proposal.Settings != _options.Settings
            ? $"{me} is configured with {_options.Settings}, proposed is {proposal.Settings}"
            : null;
    }

    private static FormReply Accept(FormationProposal proposal) =>
        new(true, proposal.ClusterId, proposal.ClusterId, proposal.Proposer.Name, "");

    private FormReply Refuse(FormationProposal proposal, string why)
    {
        FormationProposal? held = _formed is null ? _file.Accepted : null;
        return new FormReply(false, proposal.ClusterId, held?.ClusterId ?? Guid.Empty, held?.Proposer.Name ?? "", why);
    }

    private void OnIdentified(AskedNode node, long question, IdentifyReply? reply, string failure)
    {
        lock (_gate)
        {
            if (_failure is not null) return;
            if (node.Question == question) node.IsWaiting = false;
            if (reply is null)
            {
                if (node.Question == question) (node.Failure, node.Reply) = (failure, null);
                return;
            }

            (node.Reply, node.RepliedAt, node.Failure) = (reply, Now, null);
            if (reply.Self.Node.StoreUuid == StoreUuid) return;
            if (Stage is FormationStage.Formed or FormationStage.ClusterFound) return;
            if (reply.ClusterId != Guid.Empty) OnClusterLocked(node.Address, question, reply);
            else OnNodeLocked(question, reply);
        }
    }

    private void OnNodeLocked(long question, IdentifyReply reply)
    {
        if (reply.Self.ClusterName == _options.ClusterName)
        {
            Add(reply.Self.Node.Address);
            foreach (string address in reply.Known) Add(address);
        }

        if (_file.Accepted is not { } held) return;
        if (Stage == FormationStage.Proposing)
        {
            FormationMember? member = held.Members.FirstOrDefault(m => m.Name == reply.Self.Node.Name);
            if (member is null) return;
            if (member.StoreUuid != reply.Self.Node.StoreUuid)
                AbandonLocked(Now, $"{member.Name} came back on another store");
            else if (reply.Sighted != Guid.Empty)
                AbandonLocked(Now, $"{member.Name} sees cluster {reply.Sighted}");
        }
        else if (IsProposersWord(held, question, reply) && reply.Held != held.ClusterId)
        {
            AbandonLocked(Now, $"{held.Proposer.Name} gave its proposal up");
        }
    }

    private void OnClusterLocked(string address, long question, IdentifyReply reply)
    {
        FormationProposal? held = _file.Accepted;
        if (held is not null && held.ClusterId == reply.ClusterId)
        {
            FoundLocked(held);
            return;
        }

        // What another's proposal becomes is not this node's to say; its proposer is told what it saw.
        if (Stage == FormationStage.Accepted && !IsProposersWord(held!, question, reply))
        {
            _sighted = reply.ClusterId;
            return;
        }

        if (held is not null) AbandonLocked(Now, "");
        FoundAt = address;
        Stage = FormationStage.ClusterFound;
    }

    // Only what was asked behind the acceptance counts: an older answer knows nothing of the proposal yet.
    private bool IsProposersWord(FormationProposal held, long question, IdentifyReply reply) =>
        reply.Self.Node.StoreUuid == held.Proposer.StoreUuid && question > _acceptedQuestion;

    private void OnProposed(FormationProposal proposal, FormationMember member, FormReply? reply, string failure)
    {
        lock (_gate)
        {
            if (_failure is not null || Stage != FormationStage.Proposing) return;
            if (_file.Accepted!.ClusterId != proposal.ClusterId) return;
            if (reply is null)
            {
                _problem = $"{member.Name} ({member.Address}): {failure}";
                return;
            }

            if (reply.Proposal != proposal.ClusterId) return;
            if (reply.IsAccepted)
            {
                _acceptedBy.Add(member.StoreUuid);
                _problem = null;
                if (_acceptedBy.Count == proposal.Members.Count) DecideLocked(proposal);
                return;
            }

            // One that holds a proposal of a larger name is let go by that one; all else does not change by asking again.
            bool isWaiting = reply.Held != Guid.Empty && string.CompareOrdinal(reply.HeldBy, _options.NodeName) > 0;
            if (isWaiting) _problem = reply.Refusal;
            else AbandonLocked(Now, reply.Refusal);
        }
    }
}
