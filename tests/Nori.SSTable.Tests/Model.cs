using System.Text;
using Nori.Core;
using Nori.Compression;
using Nori.IO;

namespace Nori.SSTable.Tests;

/// <summary>One entry of the model.</summary>
public sealed record ModelEntry(byte[] Key, ulong Sequence, EntryKind Kind, byte[] Value);

/// <summary>The order of a table: key ascending, then sequence descending.</summary>
public sealed class EntryOrder : IComparer<(byte[] Key, ulong Sequence)>
{
    public static readonly EntryOrder Instance = new();

    public int Compare((byte[] Key, ulong Sequence) x, (byte[] Key, ulong Sequence) y)
    {
        int order = x.Key.AsSpan().SequenceCompareTo(y.Key);
        return order != 0 ? order : y.Sequence.CompareTo(x.Sequence);
    }
}

/// <summary>Makes random tables and knows what must be in them.</summary>
public static class Model
{
    public const string Path = "/tables/000001.sst";

    public static readonly CompressionType[] Compressions =
        [CompressionType.None, CompressionType.Snappy, CompressionType.Lz4, CompressionType.Zstd];

    public static byte[] Bytes(string text) => Encoding.UTF8.GetBytes(text);

    public static MemoryFileSystem NewFileSystem()
    {
        var fileSystem = new MemoryFileSystem();
        fileSystem.CreateDirectory("/tables");
        return fileSystem;
    }

    public static FaultInjectingFileSystem Failing(IFileSystem fileSystem, FileOperation operation)
    {
        var failing = new FaultInjectingFileSystem(fileSystem);
        failing.Add(new FaultRule { Operation = operation });
        return failing;
    }

    /// <summary>
    /// Entries in order: random keys of one of several shapes, up to several versions of each.
    /// </summary>
    public static List<ModelEntry> RandomEntries(Prng prng, int keys)
    {
        var entries = new SortedDictionary<(byte[], ulong), ModelEntry>(EntryOrder.Instance);
        int shape = prng.NextInt(4);
        int versionsMax = prng.Chance(0.5) ? 1 : prng.NextInt(1, 30);
        int valueBytesMax = prng.Chance(0.1) ? 20_000 : prng.NextInt(1, 300);
        for (int i = 0; i < keys; i++)
        {
            byte[] key = RandomKey(prng, shape);
            for (int version = prng.NextInt(1, versionsMax + 1); version > 0; version--)
            {
                ulong sequence = prng.Chance(0.05) ? (1UL << 56) - 1 : (ulong)prng.NextInt(200);
                var kind = (EntryKind)prng.NextInt(3);
                byte[] value = new byte[kind == EntryKind.Delete ? 0 : 8 + prng.NextInt(valueBytesMax)];
                if (prng.Chance(0.5)) prng.Fill(value);
                entries[(key, sequence)] = new ModelEntry(key, sequence, kind, value);
            }
        }

        return [.. entries.Values];
    }

    public static byte[] RandomKey(Prng prng, int shape)
    {
        switch (shape)
        {
            case 0: return Bytes($"key{prng.NextInt(10_000):d8}");
            case 1:
                byte[] any = new byte[prng.NextInt(0, 40)];
                prng.Fill(any);
                return any;
            case 2:
                byte[] small = new byte[prng.NextInt(0, 6)];
                for (int i = 0; i < small.Length; i++)
                    small[i] = (byte)(prng.NextInt(3) * 127 + prng.NextInt(2));
                return small;
            default:
                byte[] prefixed = new byte[prng.NextInt(900, 1025)];
                Array.Fill(prefixed, (byte)0xFF);
                prefixed[^1] = (byte)prng.NextInt(256);
                return prefixed;
        }
    }

    public static TableOptions RandomOptions(Prng prng) => new()
    {
        BlockBytes = prng.Chance(0.2) ? 1 : prng.NextInt(1, 8192),
        IndexBlockBytes = prng.Chance(0.3) ? 1 : prng.NextInt(1, 2048),
        RestartInterval = prng.NextInt(1, 40),
        BloomBitsPerKey = prng.Chance(0.2) ? 0 : prng.NextInt(1, 20),
        Compression = Compressions[prng.NextInt(Compressions.Length)],
        TableId = prng.NextUInt64(),
        WriteBufferBytes = 4096 << prng.NextInt(4),
    };

    public static TableProperties Build(
        IFileSystem fileSystem, IEnumerable<ModelEntry> entries, TableOptions? options = null,
        IEnumerable<(string Start, string End, ulong Sequence)>? rangeDeletes = null, string path = Path)
    {
        using var builder = new TableBuilder(fileSystem, path, options);
        foreach (ModelEntry entry in entries) builder.Add(entry.Key, entry.Sequence, entry.Kind, entry.Value);
        foreach ((string start, string end, ulong sequence) in rangeDeletes ?? [])
            builder.AddRangeDelete(Bytes(start), Bytes(end), sequence);
        return builder.Finish();
    }

    public static byte[] ReadFile(IFileSystem fileSystem, string path = Path)
    {
        using IFile file = fileSystem.Open(path, FileOpen.Read);
        byte[] bytes = new byte[file.Length];
        Assert.Equal(bytes.Length, file.Read(0, bytes));
        return bytes;
    }

    public static void AssertEntry(ModelEntry expected, TableIterator iterator)
    {
        Assert.True(iterator.Valid);
        Assert.True(iterator.UserKey.SequenceEqual(expected.Key));
        Assert.Equal(expected.Sequence, iterator.Sequence);
        Assert.Equal(expected.Kind, iterator.Kind);
        Assert.True(iterator.Value.SequenceEqual(expected.Value));
    }
}
