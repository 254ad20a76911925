using Nori.Raft;
using Nori.Raft.Core;
using NoriKV.Node.Replication;

namespace NoriKV.Node.Tests.Replication;

/// <summary>What arrived and is not taken yet: an index may have come twice, in two terms, and the core may take either.</summary>
public sealed class StagedEntriesTests
{
    [Fact]
    public void Of_two_entries_with_one_index_the_one_of_the_term_that_was_taken_is_given()
    {
        var staged = new StagedEntries();
        // An append of a leader that went, a proposal of this one when it led, an append of the next.
        staged.Add(7, [Entry(7, 2, 0xA7), Entry(8, 2, 0xA8)]);
        staged.Add(7, 3, new byte[] { 0xB7 });
        staged.Add(8, 3, new byte[] { 0xB8 });
        staged.Add(8, [Entry(8, 4, 0xC8)]);
        Assert.Equal(0xA7, Only(staged, 7, 2));
        Assert.Equal(0xB7, Only(staged, 7, 3));
        Assert.Equal(0xA8, Only(staged, 8, 2));
        Assert.Equal(0xB8, Only(staged, 8, 3));
        Assert.Equal(0xC8, Only(staged, 8, 4));
        Assert.False(staged.TryGet(7, 4, out _));
        Assert.False(staged.TryGet(6, 2, out _));
        Assert.False(staged.TryGet(9, 4, out _));
        staged.Clear();
        Assert.True(staged.IsEmpty);
        Assert.False(staged.TryGet(8, 4, out _));
    }

    private static RaftEntry Entry(ulong index, ulong term, byte content) =>
        new(new LogIndex(index), new Term(term), EntryType.Normal, new[] { content });

    private static byte Only(StagedEntries staged, ulong index, ulong term)
    {
        Assert.True(staged.TryGet(index, term, out ReadOnlyMemory<byte> envelope));
        return Assert.Single(envelope.ToArray());
    }
}
