using Nori.Core;
using Nori.IO;
using Nori.SSTable;

namespace Nori.Lsm.Tests;

/// <summary>
/// A fixed mix of writes, flushes, compactions and ingests, with the states that a crash may leave: what was
/// acknowledged,
/// and that with the operation under way.
/// </summary>
internal sealed class Workload(ulong seed, LsmOptions options)
{
    private readonly Prng _random = new(seed);
    private int _tables;

    public SortedDictionary<string, string> Acknowledged { get; private set; } = new(StringComparer.Ordinal);

    public SortedDictionary<string, string> UnderWay { get; private set; } = new(StringComparer.Ordinal);

    /// <summary>All states acknowledged one after the other.</summary>
    public List<SortedDictionary<string, string>> History { get; } = [];

    public static LsmOptions Small(IFileSystem files, LsmWalMode mode = LsmWalMode.Batch) => new()
    {
        Directory = "/db",
        FileSystem = files,
        WriteAheadLog = mode,
        RunBackground = false,
        Seed = 1,
        MemtableBytes = 1024,
        L0CompactionTrigger = 2,
        L0SlowdownTrigger = 4,
        L0StopTrigger = 6,
        Levels = 4,
        LevelRatio = 3,
        BaseLevelBytes = 2048,
        TargetFileBytes = 1024,
        BlockBytes = 128,
        BlockCacheBytes = 0,
        WalSegmentBytes = 16 << 10,
        ManifestBytesMax = 4096,
        Compression = Compression.CompressionType.None,
        Time = new ManualTime(),
    };

    /// <summary>One operation; the states are right also when it throws.</summary>
    public void Step(LsmEngine engine)
    {
        UnderWay = new SortedDictionary<string, string>(Acknowledged, StringComparer.Ordinal);
        switch (_random.NextInt(20))
        {
            case < 11:
                var batch = new WriteBatch();
                for (int i = _random.NextInt(1, 4); i > 0; i--) Put(batch);
                engine.Write(batch);
                break;
            case < 14:
                var delete = new WriteBatch();
                string key = Key();
                delete.Delete(Keys.Of(key));
                UnderWay.Remove(key);
                engine.Write(delete);
                break;
            case 14:
                var range = new WriteBatch();
                (string a, string b) = Range();
                range.DeleteRange(Keys.Of(a), Keys.Of(b));
                RemoveRange(a, b);
                engine.Write(range);
                break;
            case 15:
                Wait(engine.FlushAsync(), engine);
                break;
            case 16:
                Ingest(engine);
                break;
            default:
                for (int i = 0; i < 4 && engine.RunOnce(); i++) continue;
                break;
        }

        if (engine.Stats.Failure is { } failure) throw new LsmFailedException(failure);
        Acknowledged = UnderWay;
        History.Add(Acknowledged);
    }

    public static SortedDictionary<string, string> Read(LsmEngine engine)
    {
        var found = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (LsmEntry entry in engine.Scan(ScanRange.All)) found[Keys.Show(entry.Key.Span)] = Keys.Show(entry.Value.Span);
        foreach ((string key, string value) in found)
            Assert.Equal(value, Keys.Show(engine.Get(Keys.Of(key))!.Value.Value.Span));
        return found;
    }

    /// <summary>
    /// A task of an engine without threads: what a full disk held up goes on when it is stepped.
    /// </summary>
    public static void Wait(Task task, LsmEngine engine)
    {
        for (int i = 0; !task.IsCompleted && i < 1000; i++)
        {
            // What was held up goes on in a continuation on another thread: wait for it, then step again.
            if (!engine.RunOnce()) ((IAsyncResult)task).AsyncWaitHandle.WaitOne(10);
        }

        Assert.True(task.IsCompleted, "the task does not end");
        task.GetAwaiter().GetResult();
    }

    private string Key() => $"key{_random.NextInt(40):D3}";

    private (string From, string To) Range()
    {
        string a = Key(), b = Key();
        return string.CompareOrdinal(a, b) <= 0 ? (a, b) : (b, a);
    }

    private void Put(WriteBatch batch)
    {
        string key = Key();
        string value = $"{_random.NextInt(1_000_000)}" + new string('.', _random.NextInt(60));
        batch.Put(Keys.Of(key), Keys.Of(value));
        UnderWay[key] = value;
    }

    private void RemoveRange(string a, string b)
    {
        foreach (string key in UnderWay.Keys.ToList())
            if (string.CompareOrdinal(key, a) >= 0 && string.CompareOrdinal(key, b) < 0) UnderWay.Remove(key);
    }

    private void Ingest(LsmEngine engine)
    {
        IFileSystem files = options.FileSystem;
        files.CreateDirectory("/in");
        string path = $"/in/{++_tables}.sst";
        var entries = new SortedDictionary<string, string>(StringComparer.Ordinal);
        for (int i = 0; i < 3; i++) entries[Key()] = $"ingested {_tables}";
        using (var builder = new TableBuilder(files, path))
        {
            foreach ((string key, string value) in entries)
            {
                builder.Add(Keys.Of(key), Keys.Of(value));
                UnderWay[key] = value;
            }

            builder.Finish();
        }

        files.SyncDirectory("/in");
        Wait(engine.IngestAsync([path]), engine);
    }
}
