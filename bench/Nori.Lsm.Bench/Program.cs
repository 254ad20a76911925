// Self-timed figures of the engine, as db_bench names them: 16-byte keys, 100-byte values that compress to a half.
//   dotnet run -c Release --project bench/Nori.Lsm.Bench -- [keys] [directory] [work,work…]
using System.Buffers;
using System.Diagnostics;
using System.Globalization;
using Nori.Core;
using Nori.Lsm;

int keys = args.Length > 0 ? int.Parse(args[0], CultureInfo.InvariantCulture) : 1_000_000;
string root = args.Length > 1 ? args[1] : Path.Combine(Path.GetTempPath(), "nori-lsm-bench");
string[] works = args.Length > 2 ? args[2].Split(',')
    : ["fillseq", "fillrandom", "readrandom", "readrandom2", "readseq", "seekrandom", "fillsync1", "fillsync16"];
byte[] noise = new byte[1 << 20];
new Prng(301).Fill(noise);
LsmEngine? filled = null;
foreach (string work in works)
{
    switch (work)
    {
        case "fillseq":
            await using (LsmEngine engine = Fresh("seq", LsmWalMode.Os)) Report(work, keys, () => Fill(engine, i => i));
            break;
        case "fillrandom":
            filled = Fresh("random", LsmWalMode.Os);
            var random = new Prng(1);
            Report(work, keys, () => Fill(filled, _ => random.NextInt(keys)));
            await filled.CompactRangeAsync();
            LsmStats stats = filled.Stats;
            Console.WriteLine(
                $"  write amplification {stats.WriteAmplification:F1}, "
                + $"stalls {stats.Stalls} ({stats.StallTime.TotalSeconds:F2} s), "
                + $"{stats.Levels.Sum(level => level.Bytes) / 1e6:F0} MB in {stats.Levels.Sum(level => level.Tables)} tables");
            break;
        case "readrandom":
            Read(filled!, 2, keys); // warm
            Report(work, keys, () => Read(filled!, 3, keys));
            break;
        case "readrandom2":
            Report(work, 2 * keys, () => Task.WaitAll(
                Task.Run(() => Read(filled!, 4, keys)), Task.Run(() => Read(filled!, 5, keys))));
            break;
        case "readseq":
            long entries = 0;
            var clock = Stopwatch.StartNew();
            using (LsmIterator iterator = filled!.Scan(ScanRange.All))
                while (iterator.MoveNext()) entries++;
            Console.WriteLine($"{work,-12} {entries / clock.Elapsed.TotalSeconds / 1000,10:F0} k/s");
            break;
        case "seekrandom":
            Report(work, keys / 10, () => Seek(filled!, keys / 10));
            break;
        case "fillsync1":
            await using (LsmEngine engine = Fresh("sync1", LsmWalMode.Batch))
                Report(work, 3000, () => FillSync(engine, 1, 3000));
            break;
        case "fillsync16":
            await using (LsmEngine engine = Fresh("sync16", LsmWalMode.Batch))
                Report(work, 48_000, () => FillSync(engine, 16, 48_000));
            break;
        default:
            Console.WriteLine($"no such work: {work}");
            break;
    }
}

if (filled is not null) await filled.DisposeAsync();

LsmEngine Fresh(string name, LsmWalMode mode)
{
    string directory = Path.Combine(root, name);
    if (Directory.Exists(directory)) Directory.Delete(directory, recursive: true);
    return LsmEngine.Open(new LsmOptions { Directory = directory, WriteAheadLog = mode, BlockCacheBytes = 1L << 30 });
}

void Fill(LsmEngine engine, Func<int, int> key)
{
    var batch = new WriteBatch();
    Span<byte> name = stackalloc byte[16];
    Span<byte> value = stackalloc byte[100];
    for (int i = 0; i < keys; i++)
    {
        batch.Clear();
        Name(key(i), name);
        Value(i, value);
        batch.Put(name, value);
        engine.Write(batch);
    }
}

void FillSync(LsmEngine engine, int threads, int total)
{
    Thread[] all = [.. Enumerable.Range(0, threads).Select(thread => new Thread(() =>
    {
        var random = new Prng((ulong)thread);
        var batch = new WriteBatch();
        byte[] name = new byte[16], value = new byte[100];
        for (int i = 0; i < total / threads; i++)
        {
            batch.Clear();
            Name(random.NextInt(keys), name);
            Value(i, value);
            batch.Put(name, value);
            engine.Write(batch);
        }
    }))];
    foreach (Thread thread in all) thread.Start();
    foreach (Thread thread in all) thread.Join();
}

void Read(LsmEngine engine, ulong seed, int count)
{
    var random = new Prng(seed);
    var value = new ArrayBufferWriter<byte>(256);
    Span<byte> name = stackalloc byte[16];
    int found = 0;
    for (int i = 0; i < count; i++)
    {
        value.ResetWrittenCount();
        Name(random.NextInt(keys), name);
        if (engine.TryGet(name, value, out _)) found++;
    }

    if (found == 0) throw new InvalidOperationException("nothing found");
}

void Seek(LsmEngine engine, int count)
{
    var random = new Prng(7);
    byte[] name = new byte[16];
    for (int i = 0; i < count; i++)
    {
        Name(random.NextInt(keys), name);
        using LsmIterator iterator = engine.Scan(ScanRange.Between(name, null));
        for (int next = 0; next < 10 && iterator.MoveNext(); next++) continue;
    }
}

void Value(int i, Span<byte> value)
{
    noise.AsSpan((int)((uint)i * 50 % (noise.Length - 50)), 50).CopyTo(value);
    value[..50].CopyTo(value[50..]);
}

static void Name(int i, Span<byte> name)
{
    for (int at = 15; at >= 0; at--)
    {
        name[at] = (byte)('0' + (i % 10));
        i /= 10;
    }
}

static void Report(string work, long count, Action action)
{
    var clock = Stopwatch.StartNew();
    action();
    double seconds = clock.Elapsed.TotalSeconds;
    Console.WriteLine($"{work,-12} {count / seconds / 1000,10:F1} k/s {seconds / count * 1e6,10:F2} us");
}
