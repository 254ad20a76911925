namespace NoriKV.Node.Replication;

/// <summary>Every proposal that waits for an answer, so that deadlines and failures reach it wherever it is.</summary>
/// <remarks>Thread-safe: the lock guards the list. Answered ones leave at the next look, a tick later at most.</remarks>
internal sealed class ProposalWatch
{
    private readonly Lock _lock = new();
    private List<Proposal> _watched = [];
    private List<Proposal> _kept = [];

    public bool IsEmpty
    {
        get
        {
            lock (_lock) return _watched.Count == 0;
        }
    }

    /// <summary>Watches a proposal; true when it is the first one.</summary>
    public bool Add(Proposal proposal)
    {
        lock (_lock)
        {
            _watched.Add(proposal);
            return _watched.Count == 1;
        }
    }

    /// <summary>Answers those that are due.</summary>
    public void Expire(long now) => Visit(proposal => proposal.ExpireIfDue(now));

    /// <summary>Answers all of them.</summary>
    public void Fail(string why) => Visit(proposal =>
        proposal.TryFail(ProposalErrors.Unavailable(why), ProposalErrors.OutcomeUnknown(why)) || proposal.IsAnswered);

    private void Visit(Func<Proposal, bool> isDone)
    {
        lock (_lock)
        {
            _kept.Clear();
            foreach (Proposal proposal in _watched)
            {
                if (!isDone(proposal)) _kept.Add(proposal);
            }

            (_watched, _kept) = (_kept, _watched);
            _kept.Clear();
        }
    }
}
