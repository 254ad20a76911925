using Nori.Core;

namespace Nori.Raft.Core.Tests.Algebra;

public sealed class TermSpansTests
{
    // Against a list with one term per entry.
    [Fact]
    public void Spans_know_what_a_list_of_terms_knows()
    {
        for (ulong seed = 1; seed <= 60; seed++)
        {
            Prng random = new(seed);
            TermSpans spans = new();
            List<ulong> terms = [];
            ulong baseIndex = 0, baseTerm = 0, term = 1;
            for (int step = 0; step < 200; step++)
            {
                ulong last = baseIndex + (ulong)terms.Count;
                switch (random.NextInt(6))
                {
                    case 0 when terms.Count > 0:
                        ulong from = baseIndex + 1 + (ulong)random.NextInt(terms.Count);
                        spans.TruncateSuffix(new LogIndex(from));
                        terms.RemoveRange((int)(from - baseIndex) - 1, (int)(last - from) + 1);
                        break;
                    case 1 when terms.Count > 0:
                        ulong through = baseIndex + 1 + (ulong)random.NextInt(terms.Count);
                        spans.TruncatePrefix(new LogIndex(through));
                        baseTerm = terms[(int)(through - baseIndex) - 1];
                        terms.RemoveRange(0, (int)(through - baseIndex));
                        baseIndex = through;
                        break;
                    default:
                        term += (ulong)random.NextInt(2);
                        int count = random.NextInt(1, 5);
                        spans.Append(new Term(term), (ulong)count);
                        terms.AddRange(Enumerable.Repeat(term, count));
                        break;
                }

                spans.CheckInvariants();
                Compare(spans, terms, baseIndex, baseTerm, random);
            }
        }
    }

    [Fact]
    public void A_follower_with_a_run_of_a_dead_term_is_skipped_in_one_step()
    {
        TermSpans leader = new(), follower = new();
        leader.Append(new Term(1), 3);
        leader.Append(new Term(4), 100);
        follower.Append(new Term(1), 3);
        follower.Append(new Term(2), 90);

        // The leader probes behind 93 in term 4; the follower answers with its last place of a term not
        // above.
        (LogIndex hint, Term hintTerm) = follower.LastNotAbove(new LogIndex(93), new Term(4));
        Assert.Equal((new LogIndex(93), new Term(2)), (hint, hintTerm));
        Assert.Equal(new LogIndex(3), leader.LastNotAbove(hint, hintTerm).Index);
    }

    [Fact]
    public void Terms_never_fall_along_a_log()
    {
        TermSpans spans = new();
        spans.Append(new Term(3), 1);
        Assert.Throws<InvariantException>(() => spans.Append(new Term(2), 1));
    }

    private static void Compare(TermSpans spans, List<ulong> terms, ulong baseIndex, ulong baseTerm, Prng random)
    {
        ulong last = baseIndex + (ulong)terms.Count;
        ulong TermAt(ulong i) => i == baseIndex ? baseTerm : terms[(int)(i - baseIndex) - 1];
        Assert.Equal(last, spans.LastIndex.Value);
        Assert.Equal(TermAt(last), spans.LastTerm.Value);
        for (ulong i = baseIndex; i <= last; i++)
        {
            Assert.True(spans.TryGetTerm(new LogIndex(i), out Term held));
            Assert.Equal(TermAt(i), held.Value);
        }

        Assert.False(spans.TryGetTerm(new LogIndex(last + 1), out _));
        if (baseIndex > 0) Assert.False(spans.TryGetTerm(new LogIndex(baseIndex - 1), out _));

        ulong at = baseIndex + (ulong)random.NextInt(terms.Count + 1), cap = (ulong)random.NextInt(30);
        ulong expected = at;
        while (expected > baseIndex && TermAt(expected) > cap) expected--;
        Assert.Equal(expected, spans.LastNotAbove(new LogIndex(at), new Term(cap)).Index.Value);

        if (terms.Count == 0) return;
        ulong first = baseIndex + 1 + (ulong)random.NextInt(terms.Count);
        EntryRange range = new(new LogIndex(first), new LogIndex(last), spans.Slice(new(first), new(last)), [], 0);
        for (ulong i = first; i <= last; i++) Assert.Equal(TermAt(i), range.TermAt(new LogIndex(i)).Value);
        Assert.True(range.IsWellFormedBehind(new LogIndex(first - 1), new Term(TermAt(first - 1))));
    }
}
