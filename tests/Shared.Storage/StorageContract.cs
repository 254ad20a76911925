using System.Text;
using Nori.Core;
using NoriKV.Node.Ports;

namespace NoriKV.Storage.Contract;

/// <summary>What every engine behind the storage port must do; one suite, run against each.</summary>
public abstract class StorageContract
{
    /// <summary>False for an engine that keeps nothing over a restart.</summary>
    protected virtual bool IsDurable => true;

    /// <summary>Opens the engine; the second call with one place finds what the first left there.</summary>
    internal abstract IStorage Open(Place place);

    /// <summary>Skips the test, with its reason, where the engine cannot run.</summary>
    protected virtual void CheckAvailable()
    {
    }

    [Fact]
    public void What_is_written_is_read_and_what_is_deleted_is_not()
    {
        using Opened store = Begin();
        store.Put(("a", "1"), ("b", "2"));
        store.Write(batch => batch.Delete(Bytes("a")));
        store.Put(("b", "3"), ("", "the empty key"), ("c", ""));
        Assert.Equal("=the empty key b=3 c=", store.Show());
        Assert.Null(store.Get("a"));
        Assert.Equal("3", store.Get("b"));
        Assert.Equal("", store.Get("c"));
        Assert.Equal("the empty key", store.Get(""));
    }

    [Fact]
    public void The_operations_of_a_batch_take_effect_in_their_order_and_the_batch_can_be_used_again()
    {
        using Opened store = Begin();
        IStorageBatch batch = store.Engine.NewBatch();
        batch.Put("a"u8, "1"u8);
        batch.DeleteRange("a"u8, "c"u8);
        batch.Put("b"u8, "2"u8);
        batch.Put("b"u8, "3"u8);
        batch.Delete("x"u8);
        batch.Put("x"u8, "4"u8);
        store.Engine.Write(batch);
        Assert.Equal("b=3 x=4", store.Show());
        batch.Clear();
        batch.Put("c"u8, "5"u8);
        store.Engine.Write(batch);
        batch.Clear();
        store.Engine.Write(batch);
        Assert.Equal("b=3 c=5 x=4", store.Show());
    }

    [Fact]
    public void A_range_delete_takes_its_start_and_leaves_its_end_and_an_empty_one_takes_nothing()
    {
        using Opened store = Begin();
        store.Put(("a", "1"), ("b", "2"), ("b\0", "3"), ("c", "4"));
        store.Write(batch => batch.DeleteRange(Bytes("b"), Bytes("c")));
        Assert.Equal("a=1 c=4", store.Show());
        store.Write(batch => batch.DeleteRange(Bytes("c"), Bytes("c")));
        Assert.Equal("a=1 c=4", store.Show());
        store.Write(batch => batch.DeleteRange(default, Bytes("zz")));
        Assert.Equal("", store.Show());
    }

    [Fact]
    public void Expired_entries_are_returned_with_their_time()
    {
        using Opened store = Begin();
        store.Write(batch => batch.Put(Bytes("a"), Bytes("1"), 17));
        Assert.True(store.Engine.TryGet("a"u8, out StoredEntry entry));
        Assert.Equal(17, entry.ExpiryUnixMs);
        using IStorageView view = store.Engine.OpenView();
        using IStorageIterator iterator = view.NewIterator(reverse: false);
        Assert.True(iterator.MoveNext());
        Assert.Equal(17, iterator.ExpiryUnixMs);
        store.Put(("a", "2"));
        Assert.True(store.Engine.TryGet("a"u8, out entry));
        Assert.Equal(0, entry.ExpiryUnixMs);
        Assert.Equal("1", Text(iterator.Value));
    }

    [Fact]
    public async Task A_view_stays_what_it_was_under_writes_flushes_and_the_engines_end()
    {
        Opened store = Begin();
        for (int i = 0; i < 50; i++) store.Put(($"k{i:D2}", "old"));
        IStorageView view = store.Engine.OpenView();
        IStorageIterator iterator = view.NewIterator(reverse: true);
        Assert.True(iterator.MoveNext());
        store.Write(batch => batch.DeleteRange(Bytes("k"), Bytes("l")));
        await store.FlushAsync();
        for (int i = 0; i < 60; i++) store.Put(($"k{i:D2}", "new"));
        await store.FlushAsync();
        for (int i = 49; i >= 0; i--)
        {
            Assert.Equal($"k{i:D2}=old", $"{Text(iterator.Key)}={Text(iterator.Value)}");
            Assert.Equal(i > 0, iterator.MoveNext());
        }

        Assert.True(view.TryGet("k07"u8, out StoredEntry then));
        Assert.Equal("old", Text(then.Value.Span));
        Assert.False(view.TryGet("k55"u8, out _));
        Assert.Equal("new", store.Get("k07"));
        iterator.Dispose();
        view.Dispose();
        view.Dispose();
        store.Dispose();
    }

    [Fact]
    public void Iterators_seek_in_their_own_direction_again_and_again()
    {
        using Opened store = Begin();
        store.Put(("b", "1"), ("d", "2"), ("f", "3"));
        using IStorageView view = store.Engine.OpenView();
        using IStorageIterator up = view.NewIterator(reverse: false), down = view.NewIterator(reverse: true);
        Assert.Equal("b d f -", Walk(up, "a"));
        Assert.Equal("d f -", Walk(up, "c"));
        Assert.Equal("f -", Walk(up, "f"));
        Assert.Equal("-", Walk(up, "g"));
        Assert.Equal("b d f -", Walk(up, ""));
        Assert.Equal("f d b -", Walk(down, "z"));
        Assert.Equal("d b -", Walk(down, "d"));
        Assert.Equal("b -", Walk(down, "c"));
        Assert.Equal("-", Walk(down, "a"));
        using IStorageIterator unplaced = view.NewIterator(reverse: true);
        Assert.True(unplaced.MoveNext());
        Assert.Equal("f", Text(unplaced.Key));

        static string Walk(IStorageIterator iterator, string from)
        {
            iterator.Seek(Bytes(from));
            var keys = new StringBuilder();
            while (iterator.MoveNext()) keys.Append(Text(iterator.Key)).Append(' ');
            Assert.False(iterator.MoveNext());
            return keys.Append('-').ToString();
        }
    }

    [Fact]
    public void Any_history_reads_as_a_sorted_dictionary_does()
    {
        for (ulong seed = 1; seed <= 8; seed++)
        {
            var random = new Prng(seed);
            using Opened store = Begin();
            var model = new SortedDictionary<string, string>(StringComparer.Ordinal);
            var views = new Queue<(IStorageView View, string Expected)>();
            for (int step = 0; step < 300; step++)
            {
                IStorageBatch batch = store.Engine.NewBatch();
                batch.Watermark = (ulong)step + 1;
                for (int i = random.NextInt(4); i >= 0; i--) Change(batch, model, random);
                store.Engine.Write(batch);
                if (random.Chance(0.1)) store.Engine.RequestFlush("test");
                if (random.Chance(0.5)) store.Engine.RunOnce();
                if (random.Chance(0.1)) views.Enqueue((store.Engine.OpenView(), Of(model)));
                if (views.Count > 3) Compare(views.Dequeue(), $"seed {seed}, step {step}");
            }

            while (views.Count > 0) Compare(views.Dequeue(), $"seed {seed}, at the end");
            Assert.Equal(Of(model), store.Show());
        }

        static void Compare((IStorageView View, string Expected) held, string when)
        {
            string found = Opened.Show(held.View, reverse: false);
            string backward = string.Join(' ', Opened.Show(held.View, reverse: true).Split(' ').Reverse());
            held.View.Dispose();
            if (found != held.Expected || backward != held.Expected) Assert.Fail($"{when}: {held.Expected}, {found}, {backward}");
        }
    }

    [Fact]
    public async Task What_was_flushed_is_there_after_opening_again()
    {
        using var place = new Place();
        CheckAvailable();
        if (!IsDurable)
        {
            // It says so: its watermark never passes, and the log keeps everything.
            using Opened lost = Begin(place);
            lost.Write(batch =>
            {
                batch.Watermark = 5;
                batch.Put("a"u8, "1"u8);
            });
            await lost.FlushAsync();
            Assert.Equal(5UL, lost.Engine.OldestUnflushedWatermark);
            return;
        }

        using (Opened first = Begin(place))
        {
            for (int i = 0; i < 500; i++) first.Put(($"{i:D3}", new string('v', i)));
            first.Write(batch => batch.DeleteRange(Bytes("100"), Bytes("400")));
            await first.FlushAsync();
            Assert.Null(first.Engine.OldestUnflushedWatermark);
        }

        using Opened second = Begin(place);
        Assert.Equal(200, second.Show().Split(' ').Length);
        Assert.Null(second.Get("100"));
        Assert.Equal(499, second.Get("499")!.Length);
    }

    [Fact]
    public async Task Nothing_becomes_durable_before_the_log_does()
    {
        using var place = new Place();
        place.Owner.Durable = 10;
        CheckAvailable();
        if (!IsDurable)
        {
            using Opened memory = Begin(place);
            Write(memory, "a", 10);
            memory.Engine.NotifyDurable();
            await memory.FlushAsync();
            Assert.Equal(10UL, memory.Engine.OldestUnflushedWatermark);
            Assert.Empty(place.Owner.Flushed);
            return;
        }

        using (Opened first = Begin(place))
        {
            Write(first, "a", 10);
            await first.FlushAsync();
            Write(first, "b", 12);
            Write(first, "c", 11);
            Assert.Equal(11UL, first.Engine.OldestUnflushedWatermark);
            first.Engine.RequestFlush("test");
            for (int i = 0; i < 10; i++) first.Engine.RunOnce();
            Assert.Equal(11UL, first.Engine.OldestUnflushedWatermark);
            Assert.Single(place.Owner.Flushed);
            Assert.Equal("1", first.Get("b"));
        }

        using (Opened second = Begin(place))
        {
            // Closed without the log: a table of what it had not would have been a lie.
            Assert.Equal("a=1", second.Show());
            Write(second, "b", 12);
            second.Engine.RequestFlush("test");
            second.Engine.RunOnce();
            place.Owner.Durable = 12;
            second.Engine.NotifyDurable();
            for (int i = 0; i < 10; i++) second.Engine.RunOnce();
            Assert.Null(second.Engine.OldestUnflushedWatermark);
        }

        using Opened third = Begin(place);
        Assert.Equal("a=1 b=1", third.Show());

        static void Write(Opened store, string key, ulong watermark) => store.Write(batch =>
        {
            batch.Watermark = watermark;
            batch.Put(Bytes(key), "1"u8);
        });
    }

    [Fact]
    public async Task Writers_readers_and_flushes_on_many_threads_see_whole_batches()
    {
        using var place = new Place { RunBackground = true };
        using Opened store = Begin(place);
        bool over = false;
        Task[] writers = [.. Enumerable.Range(0, 3).Select(w => Task.Run(() =>
        {
            for (int i = 0; i < 300; i++)
            {
                IStorageBatch batch = store.Engine.NewBatch();
                for (int part = 0; part < 4; part++) batch.Put(Bytes($"{w}/{part}"), Bytes($"{i}"));
                store.Engine.Write(batch);
                if (i % 50 == 0) store.Engine.RequestFlush("test");
            }
        }))];
        Task reader = Task.Run(() =>
        {
            while (!Volatile.Read(ref over))
            {
                using IStorageView view = store.Engine.OpenView();
                foreach (IGrouping<char, string> batch in Opened.Show(view, false).Split(' ').Where(e => e != "").GroupBy(e => e[0]))
                    Assert.Single(batch.Select(entry => entry.Split('=')[1]).Distinct());
            }
        });
        await Task.WhenAll(writers);
        Volatile.Write(ref over, true);
        await reader;
        await store.FlushAsync();
        Assert.Equal("299", store.Get("2/3"));
        Assert.Null(store.Engine.Failure);
    }

    internal static byte[] Bytes(string text) => Encoding.Latin1.GetBytes(text);

    internal static string Text(ReadOnlySpan<byte> bytes) => Encoding.Latin1.GetString(bytes);

    private Opened Begin(Place? place = null)
    {
        CheckAvailable();
        if (place is not null) return new Opened(Open(place));
        place = new Place();
        return new Opened(Open(place), place);
    }

    private static string Of(SortedDictionary<string, string> model) => string.Join(' ', model.Select(p => $"{p.Key}={p.Value}"));

    private static void Change(IStorageBatch batch, SortedDictionary<string, string> model, Prng random)
    {
        string key = $"k{random.NextInt(40):D2}";
        switch (random.NextInt(10))
        {
            case 0:
                string end = $"k{random.NextInt(40):D2}";
                if (string.CompareOrdinal(end, key) < 0) (key, end) = (end, key);
                batch.DeleteRange(Bytes(key), Bytes(end));
                foreach (string k in model.Keys.ToList())
                    if (string.CompareOrdinal(k, key) >= 0 && string.CompareOrdinal(k, end) < 0) model.Remove(k);
                break;
            case < 4:
                batch.Delete(Bytes(key));
                model.Remove(key);
                break;
            default:
                model[key] = $"{random.NextInt(1000)}";
                batch.Put(Bytes(key), Bytes(model[key]), random.Chance(0.2) ? 5 : 0);
                break;
        }
    }
}
