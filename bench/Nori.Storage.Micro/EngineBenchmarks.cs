using System.Buffers;
using System.Buffers.Binary;
using BenchmarkDotNet.Attributes;
using Nori.Core;
using Nori.IO;
using Nori.Lsm;
using Nori.Wal;

namespace Nori.Storage.Micro;

/// <summary>Calls of the engine with 100,000 keys, half of the reads in the memtable, half in a cached table.</summary>
[MemoryDiagnoser]
public class EngineBenchmarks
{
    private const int KeyCount = 100_000;

    private readonly byte[] _key = new byte[16];
    private readonly byte[] _value = new byte[100];
    private readonly WriteBatch _batch = new();
    private readonly ArrayBufferWriter<byte> _found = new(256);
    private readonly Prng _random = new(5);
    private LsmEngine _read = null!;
    private LsmEngine _written = null!;
    private WalLog _log = null!;
    private readonly WalBatch _records = new();
    private int _puts;

    [GlobalSetup]
    public void Setup()
    {
        _read = Open("/read");
        _written = Open("/written");
        for (int i = 0; i < KeyCount; i++)
        {
            if (i == KeyCount / 2) _read.FlushAsync().GetAwaiter().GetResult();
            Put(_read, i);
        }

        for (int i = 0; i < KeyCount; i++) GetInMemtableOrTable();
        _log = WalLog.Open(new WalOptions { Directory = "/log", FileSystem = new MemoryFileSystem(1), Sync = SyncPolicy.Os }, out _);
    }

    [GlobalCleanup]
    public void Cleanup()
    {
        _read.DisposeAsync().AsTask().GetAwaiter().GetResult();
        _written.DisposeAsync().AsTask().GetAwaiter().GetResult();
        _log.Dispose();
        _records.Dispose();
    }

    [Benchmark]
    public bool GetInMemtableOrTable()
    {
        _found.ResetWrittenCount();
        return _read.TryGet(Key(_random.NextInt(KeyCount)), _found, out _);
    }

    [Benchmark]
    public bool BorrowInMemtableOrTable()
    {
        using LsmBorrowedValue value = _read.Borrow(Key(_random.NextInt(KeyCount)));
        return value.Found;
    }

    [Benchmark]
    public int SeekAndTen()
    {
        using LsmIterator iterator = _read.Scan(ScanRange.Between(Key(_random.NextInt(KeyCount)).ToArray(), null));
        int entries = 0;
        while (entries < 10 && iterator.MoveNext()) entries++;
        return entries;
    }

    /// <summary>Batch, queue and memtable; no log, and no table: what grew is thrown away.</summary>
    [Benchmark]
    public void Put()
    {
        Put(_written, _random.NextInt(int.MaxValue));
        if (++_puts % 500_000 != 0) return;
        _written.DisposeAsync().AsTask().GetAwaiter().GetResult();
        _written = Open("/written");
    }

    /// <summary>Ten records of 100 bytes encoded, sealed and handed to a file system in memory.</summary>
    [Benchmark]
    public void LogAppend()
    {
        _records.Clear();
        for (int i = 0; i < 10; i++) _records.Add(0, _value);
        _log.Append(_records);
        _log.DeleteSegmentsBefore(_log.End);
    }

    private static LsmEngine Open(string directory) => LsmEngine.Open(new LsmOptions
    {
        Directory = directory,
        FileSystem = new MemoryFileSystem(1),
        WriteAheadLog = LsmWalMode.None,
        MemtableBytes = 256 << 20,
        RunBackground = false,
    });

    private void Put(LsmEngine engine, int number)
    {
        _batch.Clear();
        _batch.Put(Key(number), _value);
        engine.Write(_batch);
    }

    private byte[] Key(int i)
    {
        BinaryPrimitives.WriteInt64BigEndian(_key, i * 2_654_435_761L % int.MaxValue);
        return _key;
    }
}
