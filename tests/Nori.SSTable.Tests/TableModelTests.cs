using Nori.Core;
using Nori.IO;

namespace Nori.SSTable.Tests;

/// <summary>Random tables under random options against a sorted list.</summary>
public sealed class TableModelTests
{
    public static TheoryData<ulong> Seeds => [.. Enumerable.Range(1, 60).Select(i => (ulong)i)];

    [Theory]
    [MemberData(nameof(Seeds))]
    public void A_table_answers_like_a_sorted_list_whatever_the_options(ulong seed)
    {
        var prng = new Prng(seed);
        MemoryFileSystem fileSystem = Model.NewFileSystem();
        List<ModelEntry> entries = Model.RandomEntries(prng, prng.NextInt(0, 300));
        TableOptions options = Model.RandomOptions(prng);
        TableProperties properties = Model.Build(fileSystem, entries, options);

        long cacheBytes = prng.NextInt(3) switch { 0 => 0, 1 => 20_000, _ => 8 << 20 };
        var readerOptions =
            new TableReaderOptions { PrivateCacheBytes = cacheBytes, VerifyOnOpen = prng.Chance(0.3) };
        using TableReader reader = TableReader.Open(fileSystem, Model.Path, readerOptions);
        Assert.Equal(entries.Count, reader.Properties.Entries);
        Assert.Equal(properties.FileBytes, reader.Properties.FileBytes);
        int distinct = entries.Select(e => Convert.ToHexString(e.Key)).Distinct().Count();
        Assert.Equal(distinct, reader.Properties.DistinctKeys);

        var readOptions =
            new TableReadOptions { FillCache = prng.Chance(0.5), ReadaheadBytes = prng.NextInt(0, 10_000) };
        using TableIterator iterator = reader.NewIterator(readOptions);
        WalkForward(entries, iterator);
        WalkBackward(entries, iterator);
        for (int i = 0; i < 200; i++) SeekSomewhere(prng, entries, reader, iterator);
        reader.VerifyChecksums();
    }

    private static void WalkForward(List<ModelEntry> entries, TableIterator iterator)
    {
        iterator.SeekToFirst();
        foreach (ModelEntry entry in entries)
        {
            Model.AssertEntry(entry, iterator);
            iterator.Next();
        }

        Assert.False(iterator.Valid);
    }

    private static void WalkBackward(List<ModelEntry> entries, TableIterator iterator)
    {
        iterator.SeekToLast();
        for (int i = entries.Count - 1; i >= 0; i--)
        {
            Model.AssertEntry(entries[i], iterator);
            iterator.Prev();
        }

        Assert.False(iterator.Valid);
    }

    private static void SeekSomewhere(
        Prng prng, List<ModelEntry> entries, TableReader reader, TableIterator iterator)
    {
        byte[] key = entries.Count > 0 && prng.Chance(0.7)
            ? entries[prng.NextInt(entries.Count)].Key
            : Model.RandomKey(prng, prng.NextInt(4));
        if (prng.Chance(0.1)) key = [.. key, (byte)prng.NextInt(256)];
        if (prng.Chance(0.1) && key.Length > 0) key = key[..^1];
        ulong sequence =
            prng.NextInt(4) switch { 0 => 0, 1 => ulong.MaxValue, _ => (ulong)prng.NextInt(202) };
        ulong capped = Math.Min(sequence, (1UL << 56) - 1);

        // Entries before (key, sequence), by linear search.
        int first = entries.FindIndex(
            e => EntryOrder.Instance.Compare((e.Key, e.Sequence), (key, capped)) >= 0);
        if (first < 0) first = entries.Count;
        ModelEntry? found = first < entries.Count && entries[first].Key.AsSpan().SequenceEqual(key)
            ? entries[first]
            : null;
        TableLookup lookup = reader.Get(key, sequence);
        Assert.Equal(found is not null, lookup.Found);
        if (found is not null)
        {
            Assert.Equal(found.Sequence, lookup.Sequence);
            Assert.Equal(found.Kind, lookup.Kind);
            Assert.True(lookup.Value.Span.SequenceEqual(found.Value));
        }

        iterator.Seek(key, sequence);
        AssertAround(prng, entries, iterator, first);
        iterator.SeekForPrev(key, sequence);
        int last = entries.FindLastIndex(
            e => EntryOrder.Instance.Compare((e.Key, e.Sequence), (key, capped)) <= 0);
        AssertAround(prng, entries, iterator, last);
    }

    // The iterator stands on `at`; it must be able to go on both ways from there.
    private static void AssertAround(Prng prng, List<ModelEntry> entries, TableIterator iterator, int at)
    {
        for (int step = prng.NextInt(6); ; step--)
        {
            Assert.Equal(at >= 0 && at < entries.Count, iterator.Valid);
            if (!iterator.Valid || step <= 0) return;
            Model.AssertEntry(entries[at], iterator);
            bool forward = prng.Chance(0.5);
            at += forward ? 1 : -1;
            if (forward) iterator.Next();
            else iterator.Prev();
        }
    }
}
