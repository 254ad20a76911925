using System.Buffers.Binary;
using BenchmarkDotNet.Attributes;
using Nori.Compression;
using Nori.Core;
using Nori.IO;
using Nori.SSTable;

namespace Nori.Storage.Micro;

/// <summary>One table of 200,000 entries of 116 bytes, cached, and the same without a cache.</summary>
[MemoryDiagnoser]
public class TableBenchmarks
{
    private const int Entries = 200_000;

    private readonly MemoryFileSystem _files = new(1);
    private readonly byte[] _key = new byte[16];
    private readonly Prng _random = new(5);
    private TableReader _cached = null!;
    private TableReader _uncached = null!;
    private TableIterator _iterator = null!;

    [GlobalSetup]
    public void Setup()
    {
        _files.CreateDirectory("/t");
        byte[] value = new byte[100];
        using (var builder = new TableBuilder(_files, "/t/1.sst", new TableOptions { Compression = CompressionType.Lz4 }))
        {
            for (int i = 0; i < Entries; i++)
            {
                _random.Fill(value.AsSpan(0, 50));
                value.AsSpan(0, 50).CopyTo(value.AsSpan(50));
                builder.Add(Key(2 * i), value);
            }

            builder.Finish();
        }

        _cached = TableReader.Open(_files, "/t/1.sst", new TableReaderOptions { Cache = new BlockCache(256 << 20) });
        _uncached = TableReader.Open(_files, "/t/1.sst", new TableReaderOptions { PrivateCacheBytes = 0 });
        _iterator = _cached.NewIterator();
        for (_iterator.SeekToFirst(); _iterator.Valid; _iterator.Next()) continue;
        _iterator.SeekToFirst();
    }

    [GlobalCleanup]
    public void Cleanup()
    {
        _iterator.Dispose();
        _cached.Dispose();
        _uncached.Dispose();
    }

    [Benchmark]
    public bool GetCached() => _cached.Get(Key(2 * _random.NextInt(Entries))).Found;

    [Benchmark]
    public bool GetMissing() => _cached.Get(Key((2 * _random.NextInt(Entries)) + 1)).Found;

    /// <summary>Index and data block read, checked, decompressed and validated.</summary>
    [Benchmark]
    public bool GetUncached() => _uncached.Get(Key(2 * _random.NextInt(Entries))).Found;

    [Benchmark]
    public bool Seek()
    {
        _iterator.Seek(Key(2 * _random.NextInt(Entries)));
        return _iterator.Valid;
    }

    [Benchmark]
    public int Next()
    {
        _iterator.Next();
        if (!_iterator.Valid) _iterator.SeekToFirst();
        return _iterator.Value.Length;
    }

    private byte[] Key(int i)
    {
        BinaryPrimitives.WriteInt64BigEndian(_key, i);
        return _key;
    }
}
