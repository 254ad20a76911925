using System.Globalization;
using Nori.Core;
using Nori.IO;

namespace Nori.Lsm.Tests;

/// <summary>
/// Threads that each own some keys and compare every read with a model of their own, while memtables of a few kilobytes
/// are sealed, flushed, compacted and freed under them. NORI_STRESS_SECONDS makes it longer, NORI_STRESS_SEED another.
/// </summary>
public sealed class StressTests
{
    private const int Workers = 4;
    private const int KeysPerWorker = 60;

    private static readonly double Seconds = Number("NORI_STRESS_SECONDS", 1);
    private static readonly ulong Seed = (ulong)Number("NORI_STRESS_SEED", 1);

    [Theory]
    [InlineData(LsmWalMode.None)]
    [InlineData(LsmWalMode.Os)]
    public async Task Every_read_agrees_with_the_writers_own_model(LsmWalMode mode)
    {
        var files = new MemoryFileSystem(Seed);
        LsmOptions options = Workload.Small(files, mode) with
        {
            RunBackground = true,
            MemtableBytes = 8 << 10,
            BlockCacheBytes = 32 << 10,
            OpenTablesMax = 16,
            L0StopTrigger = 8,
            CompactionsMax = 3,
            L0SlowdownTrigger = 6,
            SlowdownBytesPerSecond = 1L << 30,
            Time = TimeProvider.System,
        };
        LsmEngine engine = LsmEngine.Open(options);
        var models = new SortedDictionary<string, string>[Workers];
        long until = Environment.TickCount64 + (long)(Seconds * 1000);
        bool over = false;
        Task[] workers = [.. Enumerable.Range(0, Workers).Select(w => Task.Factory.StartNew(
            () => models[w] = new Worker(engine, w).Run(until), TaskCreationOptions.LongRunning))];
        Task mover = Task.Run(async () =>
        {
            while (!Volatile.Read(ref over))
            {
                await engine.FlushAsync();
                await engine.CompactRangeAsync();
            }
        });
        await Task.WhenAll(workers);
        Volatile.Write(ref over, true);
        await mover;
        Assert.Null(engine.Stats.Failure);
        CheckAll(engine, models);
        if (mode == LsmWalMode.None) await engine.FlushAsync();
        await engine.DisposeAsync();

        engine = LsmEngine.Open(options);
        CheckAll(engine, models);
        await engine.FlushAsync();
        await engine.CompactRangeAsync();
        CheckAll(engine, models);
        // What is obsolete goes with the last view of it, and this is the last.
        int tables = engine.Stats.Levels.Sum(level => level.Tables);
        await engine.DisposeAsync();
        Assert.Equal(tables, files.List("/db").Count(name => name.EndsWith(".sst", StringComparison.Ordinal)));
    }

    private static void CheckAll(LsmEngine engine, SortedDictionary<string, string>[] models)
    {
        string[] expected = [.. models.SelectMany(model => model).Select(pair => $"{pair.Key}={pair.Value}")
            .Order(StringComparer.Ordinal)];
        string[] found = [.. engine.Scan(ScanRange.All).Select(e => $"{Text(e.Key.Span)}={Text(e.Value.Span)}")];
        Assert.Equal(expected, found);
        Assert.Equal(expected.Reverse(), engine.Scan(ScanRange.All with { Reverse = true })
            .Select(e => $"{Text(e.Key.Span)}={Text(e.Value.Span)}"));
    }

    private static string Text(ReadOnlySpan<byte> bytes) => System.Text.Encoding.UTF8.GetString(bytes);

    private static double Number(string variable, double otherwise) =>
        Environment.GetEnvironmentVariable(variable) is { Length: > 0 } text
            ? double.Parse(text, CultureInfo.InvariantCulture) : otherwise;

    private sealed class Worker(LsmEngine engine, int number)
    {
        private readonly Prng _random = new((Seed * 100) + (ulong)number);
        private readonly SortedDictionary<string, string> _model = new(StringComparer.Ordinal);
        private readonly Queue<(LsmSnapshot Snapshot, SortedDictionary<string, string> Model)> _snapshots = new();
        private readonly Queue<(LsmIterator Iterator, Queue<KeyValuePair<string, string>> Left)> _iterators = new();
        private readonly string _start = $"{number}/";
        private readonly string _end = $"{number}0";
        private int _next;

        public SortedDictionary<string, string> Run(long until)
        {
            try
            {
                while (Environment.TickCount64 < until) Step();
                while (_snapshots.Count > 0) CheckSnapshot();
                while (_iterators.Count > 0) Walk(int.MaxValue);
            }
            catch (Exception e)
            {
                throw new InvalidOperationException($"seed {Seed}, worker {number}, step {_next}: {e.Message}", e);
            }

            return _model;
        }

        private void Step()
        {
            _next++;
            switch (_random.NextInt(24))
            {
                case < 9: Write(); break;
                case < 10: DeleteRange(); break;
                case < 18: CheckOne(); break;
                case < 19: CheckScan(); break;
                case < 20: TakeSnapshot(); break;
                case < 21: if (_snapshots.Count > 0) CheckSnapshot(); break;
                case < 22: TakeIterator(); break;
                default: if (_iterators.Count > 0) Walk(5); break;
            }
        }

        private void Write()
        {
            var batch = new WriteBatch();
            for (int i = _random.NextInt(1, 6); i > 0; i--)
            {
                string key = Key();
                if (_random.Chance(0.3))
                {
                    batch.Delete(Keys.Of(key));
                    _model.Remove(key);
                }
                else
                {
                    string value = $"{number}.{_next}.{i} " + new string('x', _random.Chance(0.02) ? 5000 : _random.NextInt(80));
                    batch.Put(Keys.Of(key), Keys.Of(value));
                    _model[key] = value;
                }
            }

            if (_random.Chance(0.5)) engine.Write(batch);
            else engine.WriteAsync(batch).AsTask().GetAwaiter().GetResult();
        }

        private void DeleteRange()
        {
            int from = _random.NextInt(KeysPerWorker), to = from + _random.NextInt(1, 12);
            var batch = new WriteBatch();
            batch.DeleteRange(Keys.Of(KeyOf(from)), Keys.Of(KeyOf(to)));
            engine.Write(batch);
            for (int i = from; i < to; i++) _model.Remove(KeyOf(i));
        }

        private void CheckOne()
        {
            string key = Key();
            Equal(key, _model.GetValueOrDefault(key), engine.Get(Keys.Of(key)));
        }

        private void CheckScan()
        {
            bool reverse = _random.Chance(0.5);
            string[] found = [.. engine.Scan(ScanRange.Between(Keys.Of(_start), Keys.Of(_end), reverse)).Select(e => Text(e.Key.Span))];
            Assert.Equal(reverse ? _model.Keys.Reverse() : _model.Keys, found);
        }

        private void TakeSnapshot()
        {
            if (_snapshots.Count >= 4) CheckSnapshot();
            _snapshots.Enqueue((engine.Snapshot(), new SortedDictionary<string, string>(_model, StringComparer.Ordinal)));
        }

        private void CheckSnapshot()
        {
            (LsmSnapshot snapshot, SortedDictionary<string, string> model) = _snapshots.Dequeue();
            using (snapshot)
            {
                var options = new LsmReadOptions { Snapshot = snapshot };
                for (int i = 0; i < KeysPerWorker; i++)
                    Equal(KeyOf(i), model.GetValueOrDefault(KeyOf(i)), engine.Get(Keys.Of(KeyOf(i)), options));
                string[] found = [.. engine.Scan(ScanRange.Between(Keys.Of(_start), Keys.Of(_end)), options)
                    .Select(e => $"{Text(e.Key.Span)}={Text(e.Value.Span)}")];
                Assert.Equal(model.Select(pair => $"{pair.Key}={pair.Value}"), found);
            }
        }

        private void TakeIterator()
        {
            if (_iterators.Count >= 4) Walk(int.MaxValue);
            bool reverse = _random.Chance(0.5);
            LsmIterator iterator = engine.Scan(ScanRange.Between(Keys.Of(_start), Keys.Of(_end), reverse));
            _iterators.Enqueue((iterator, new Queue<KeyValuePair<string, string>>(reverse ? _model.Reverse() : _model)));
        }

        // Held over many steps: memtables and tables that it walks are long replaced.
        private void Walk(int steps)
        {
            (LsmIterator iterator, Queue<KeyValuePair<string, string>> rest) = _iterators.Dequeue();
            for (; steps > 0; steps--)
            {
                if (!iterator.MoveNext())
                {
                    Assert.Empty(rest);
                    iterator.Dispose();
                    return;
                }

                KeyValuePair<string, string> expected = rest.Dequeue();
                Assert.Equal(expected.Key, Text(iterator.Key));
                Assert.Equal(expected.Value, Text(iterator.Value));
            }

            _iterators.Enqueue((iterator, rest));
        }

        private static void Equal(string key, string? expected, LsmValue? found)
        {
            string? text = found is { } value ? System.Text.Encoding.UTF8.GetString(value.Value.Span) : null;
            if (text != expected) throw new InvalidOperationException($"{key}: expected {expected}, found {text}");
        }

        private string Key() => KeyOf(_random.NextInt(KeysPerWorker));

        private string KeyOf(int i) => $"{_start}{i:D3}";
    }
}
