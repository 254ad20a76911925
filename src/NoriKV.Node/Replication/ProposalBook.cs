using NoriKV.Types;

namespace NoriKV.Node.Replication;

/// <summary>
/// A group's proposals that are in the log and not yet committed. That an entry was replaced in this log proves nothing: another
/// replica may hold it and be elected with it (Raft figure 8). Only what is committed at its index decides.
/// </summary>
/// <remarks>Owned by the group's worker.</remarks>
internal sealed class ProposalBook
{
    // Of the term in which this replica leads: indexes rise.
    private readonly Queue<WaitingProposal> _own = new();

    // Of terms that ended before they were committed; in no order.
    private readonly List<WaitingProposal> _orphans = [];

    public bool HasOrphans => _orphans.Count > 0;

    public void Add(ulong index, ulong term, Proposal proposal) => _own.Enqueue(new WaitingProposal(index, term, proposal));

    /// <summary>This replica leads no more: what becomes of its proposals is somebody else's doing.</summary>
    public void EndTerm()
    {
        _orphans.AddRange(_own);
        _own.Clear();
    }

    /// <summary>
    /// The entry is committed: who waits for it, if anybody; and those are certain to be lost that waited for another one at
    /// its index.
    /// </summary>
    public Proposal? Take(ulong index, ulong term, List<Proposal> lost)
    {
        Proposal? found = null;
        if (_own.TryPeek(out WaitingProposal head) && head.Index <= index)
        {
            _own.Dequeue();
            if (head.Index == index && head.Term == term) found = head.Proposal;
            else lost.Add(head.Proposal);
        }

        for (int i = _orphans.Count - 1; i >= 0; i--)
        {
            WaitingProposal orphan = _orphans[i];
            if (orphan.Index != index) continue;
            _orphans.RemoveAt(i);
            if (orphan.Term == term) found = orphan.Proposal;
            else lost.Add(orphan.Proposal);
        }

        return found;
    }

    /// <summary>The replica goes away: nothing is learned of any of them here any more.</summary>
    public IReadOnlyList<Proposal> TakeAll()
    {
        Proposal[] all = [.. _own.Concat(_orphans).Select(static w => w.Proposal)];
        _own.Clear();
        _orphans.Clear();
        return all;
    }

    /// <summary>
    /// Removes those about which nothing will be learned any more: those that were answered, and those through an index
    /// that a snapshot covered.
    /// </summary>
    public void Forget(ulong coveredThrough, List<Proposal> forgotten)
    {
        for (int i = _orphans.Count - 1; i >= 0; i--)
        {
            if (_orphans[i].Index > coveredThrough && !_orphans[i].Proposal.IsAnswered) continue;
            forgotten.Add(_orphans[i].Proposal);
            _orphans.RemoveAt(i);
        }
    }
}
