using System.Buffers.Binary;
using System.Diagnostics;
using System.Globalization;
using Nori.Compression;
using Nori.Core;
using Nori.IO;

namespace Nori.SSTable.Bench;

/// <summary>One table of 16-byte keys and half-compressible values, and what reading it costs.</summary>
internal sealed class TableBench : IDisposable
{
    private const int KeyBytes = 16;
    private readonly string _directory = Directory.CreateTempSubdirectory("nori-sstable-bench-").FullName;
    private readonly string _path;
    private readonly int _entries;
    private readonly int _valueBytes;
    private readonly CompressionType _compression;
    private readonly double _seconds;

    public TableBench(int entries, int valueBytes, CompressionType compression, double seconds)
    {
        _path = Path.Combine(_directory, "1.sst");
        (_entries, _valueBytes, _compression, _seconds) = (entries, valueBytes, compression, seconds);
    }

    public void Run()
    {
        long started = Stopwatch.GetTimestamp();
        TableProperties properties = Build();
        double took = Stopwatch.GetElapsedTime(started).TotalSeconds;
        double raw = (double)_entries * (KeyBytes + _valueBytes);
        string size = $"{properties.FileBytes / raw:p0} of raw";
        Print($"build {_entries / took:n0} entries/s, {raw / took / 1e6:n0} MB/s, {size}");

        var cache = new BlockCache(1L << 30);
        using TableReader reader = TableReader.Open(
            DiskFileSystem.Instance, _path, new TableReaderOptions { Cache = cache });
        byte[] keys = Keys();
        for (int i = 0; i < _entries; i++) Get(reader, keys, i);
        var prng = new Prng(1);
        Measure("get, cached, random", 1, () => Get(reader, keys, prng.NextInt(_entries)));
        MeasureTwoThreads(reader, keys);
        Measure("get, missing", 1, () => GetMissing(reader, prng));
        using (TableIterator iterator = reader.NewIterator())
        {
            Measure("seek + 10 next, cached", 1, () => SeekAndTen(iterator, keys, prng.NextInt(_entries)));
            Measure("scan, cached", _entries, () => Scan(iterator), raw);
            Measure("reverse scan, cached", _entries, () => ScanBack(iterator), raw);
        }

        using TableReader uncached = TableReader.Open(
            DiskFileSystem.Instance, _path, new TableReaderOptions { PrivateCacheBytes = 0 });
        using TableIterator cold = uncached.NewIterator(TableReadOptions.Compaction);
        Measure("scan, readahead, page cache", _entries, () => Scan(cold), raw);
    }

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    private void MeasureTwoThreads(TableReader reader, byte[] keys)
    {
        const int gets = 500_000;
        long started = Stopwatch.GetTimestamp();
        Parallel.For(0, 2, thread =>
        {
            var prng = new Prng((ulong)thread + 10);
            for (int i = 0; i < gets; i++) Get(reader, keys, prng.NextInt(_entries));
        });
        double took = Stopwatch.GetElapsedTime(started).TotalSeconds;
        Print($"get, cached, random, 2 threads: {2 * gets / took:n0}/s");
    }

    private TableProperties Build()
    {
        using var builder = new TableBuilder(
            DiskFileSystem.Instance, _path, new TableOptions { Compression = _compression });
        byte[] key = new byte[KeyBytes];
        byte[] value = new byte[_valueBytes];
        var prng = new Prng(2);
        for (int i = 0; i < _entries; i++)
        {
            WriteKey(key, i);
            prng.Fill(value.AsSpan(0, _valueBytes / 2));
            builder.Add(key, (ulong)i, EntryKind.Put, value);
        }

        return builder.Finish();
    }

    private byte[] Keys()
    {
        byte[] keys = new byte[KeyBytes * _entries];
        for (int i = 0; i < _entries; i++) WriteKey(keys.AsSpan(i * KeyBytes, KeyBytes), i);
        return keys;
    }

    private static void WriteKey(Span<byte> key, int i)
    {
        key.Fill((byte)'k');
        BinaryPrimitives.WriteUInt64BigEndian(key[8..], (ulong)i * 2);
    }

    private static void Get(TableReader reader, byte[] keys, int i)
    {
        if (!reader.Get(keys.AsSpan(i * KeyBytes, KeyBytes)).Found)
            throw new InvalidOperationException("a key is lost");
    }

    private void GetMissing(TableReader reader, Prng prng)
    {
        Span<byte> key = stackalloc byte[KeyBytes];
        WriteKey(key, prng.NextInt(_entries));
        key[^1]++;
        if (reader.Get(key).Found) throw new InvalidOperationException("a key out of nowhere");
    }

    private static void SeekAndTen(TableIterator iterator, byte[] keys, int i)
    {
        iterator.Seek(keys.AsSpan(i * KeyBytes, KeyBytes));
        for (int n = 0; n < 10 && iterator.Valid; n++) iterator.Next();
    }

    private static void Scan(TableIterator iterator)
    {
        for (iterator.SeekToFirst(); iterator.Valid; iterator.Next()) _ = iterator.Value[0];
    }

    private static void ScanBack(TableIterator iterator)
    {
        for (iterator.SeekToLast(); iterator.Valid; iterator.Prev()) _ = iterator.Value[0];
    }

    private void Measure(string name, int operations, Action action, double bytes = 0)
    {
        long runs = 0;
        long started = Stopwatch.GetTimestamp();
        double took;
        do
        {
            int batch = operations > 1 ? 1 : 1000;
            for (int i = 0; i < batch; i++) action();
            runs += batch;
            took = Stopwatch.GetElapsedTime(started).TotalSeconds;
        }
        while (took < _seconds);
        double each = took / (runs * (double)operations) * 1e6;
        string speed = bytes > 0 ? $", {bytes * runs / took / 1e6:n0} MB/s" : "";
        Print($"{name}: {each:n3} µs{speed}");
    }

    private void Print(string text) => Console.WriteLine(string.Create(
        CultureInfo.InvariantCulture, $"{_entries} × {_valueBytes} B, {_compression}: {text}"));
}
