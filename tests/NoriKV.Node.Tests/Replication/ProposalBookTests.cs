using NoriKV.Node.Replication;
using NoriKV.Types;

namespace NoriKV.Node.Tests.Replication;

/// <summary>What becomes known of a proposal by what is committed at its index.</summary>
public sealed class ProposalBookTests
{
    [Fact]
    public void An_entry_of_its_term_is_the_proposal_and_one_of_another_term_says_that_it_is_lost()
    {
        var book = new ProposalBook();
        Proposal first = New(), second = New();
        book.Add(5, 2, first);
        book.Add(6, 2, second);
        var lost = new List<Proposal>();
        Assert.Null(book.Take(4, 2, lost));
        Assert.Same(first, book.Take(5, 2, lost));
        Assert.Empty(lost);
        Assert.Null(book.Take(6, 3, lost));
        Assert.Same(second, Assert.Single(lost));
    }

    [Fact]
    public void Proposals_of_an_earlier_term_of_this_leader_do_not_hide_those_of_the_present_one()
    {
        var book = new ProposalBook();
        Proposal[] old = [New(), New(), New()];
        for (int i = 0; i < 3; i++) book.Add(10 + (ulong)i, 2, old[i]);
        book.EndTerm();
        Proposal now = New();
        book.Add(11, 4, now);
        var lost = new List<Proposal>();
        Assert.Null(book.Take(10, 4, lost));
        Assert.Same(now, book.Take(11, 4, lost));
        Assert.Equal([old[0], old[1]], lost);

        // Figure 8: the one at 12 was replaced in this log, and yet its entry is what is committed in the end.
        Assert.Same(old[2], book.Take(12, 2, lost));
        Assert.False(book.HasOrphans);
    }

    [Fact]
    public void What_was_answered_or_covered_by_a_snapshot_is_forgotten()
    {
        var book = new ProposalBook();
        Proposal covered = New(), answered = New(), open = New();
        book.Add(5, 2, covered);
        book.Add(8, 2, answered);
        book.Add(9, 2, open);
        book.EndTerm();
        answered.Fail("over");
        var forgotten = new List<Proposal>();
        book.Forget(6, forgotten);
        Assert.Equal(2, forgotten.Count);
        Assert.DoesNotContain(open, forgotten);
    }

    private static Proposal New() => new(new ShardId(0), [1], 0, long.MaxValue, new CompletionQueue(), CancellationToken.None);
}
