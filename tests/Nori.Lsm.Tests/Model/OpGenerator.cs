using Nori.Compression;
using Nori.Core;
using Nori.IO;

namespace Nori.Lsm.Tests.Model;

/// <summary>Histories and options from a seed.</summary>
internal static class OpGenerator
{
    private static readonly (OpKind Kind, int Weight)[] Weights =
    [
        (OpKind.Put, 40), (OpKind.PutTtl, 8), (OpKind.Delete, 14), (OpKind.DeleteRange, 6), (OpKind.Batch, 8),
        (OpKind.TakeSnapshot, 3), (OpKind.DropSnapshot, 3), (OpKind.Flush, 4), (OpKind.Compact, 2), (OpKind.Step, 14),
        (OpKind.Reopen, 1), (OpKind.PowerLoss, 1), (OpKind.Advance, 4), (OpKind.Ingest, 2), (OpKind.Check, 5),
        (OpKind.LongScan, 2), (OpKind.Checkpoint, 1), (OpKind.Scrub, 1),
    ];

    public static List<Op> History(ulong seed, int count)
    {
        var random = new Prng(seed);
        int total = Weights.Sum(weight => weight.Weight);
        var ops = new List<Op>(count);
        for (int i = 0; i < count; i++)
        {
            int at = random.NextInt(total);
            OpKind kind = default;
            foreach ((OpKind candidate, int weight) in Weights)
            {
                kind = candidate;
                if ((at -= weight) < 0) break;
            }

            ops.Add(Make(kind, random));
        }

        return ops;
    }

    public static LsmOptions Options(ulong seed, IFileSystem files, TimeProvider time)
    {
        var random = new Prng(seed ^ 0xABCDEF);
        int trigger = random.NextInt(1, 5);
        return new LsmOptions
        {
            Directory = "/db",
            FileSystem = files,
            Time = time,
            RunBackground = false,
            Seed = seed + 1,
            WriteAheadLog = random.Chance(0.5) ? LsmWalMode.Batch : LsmWalMode.Always,
            MemtableBytes = 1024 << random.NextInt(4),
            ImmutableMemtablesMax = random.NextInt(1, 4),
            L0CompactionTrigger = trigger,
            L0SlowdownTrigger = trigger + 2,
            L0StopTrigger = trigger + random.NextInt(2, 6),
            Levels = random.NextInt(2, 8),
            LevelRatio = random.NextInt(2, 6),
            BaseLevelBytes = 512 << random.NextInt(5),
            TargetFileBytes = 256 << random.NextInt(5),
            BlockBytes = 32 << random.NextInt(6),
            BlockCacheBytes = random.Chance(0.3) ? 0 : 64 << 10,
            OpenTablesMax = random.Chance(0.5) ? 2 : 1000,
            BloomBitsPerKey = random.Chance(0.3) ? 0 : 10,
            Compression = random.Chance(0.5) ? CompressionType.None : CompressionType.Snappy,
            CompactionStepBytes = 64 << random.NextInt(8),
            ManifestBytesMax = 4096,
            WalSegmentBytes = 16 << 10,
            CompactionsMax = random.NextInt(1, 4),
        };
    }

    private static Op Make(OpKind kind, Prng random)
    {
        switch (kind)
        {
            case OpKind.Put or OpKind.PutTtl: return new Op(kind, Key(random), Value: random.NextInt(1, 1000));
            case OpKind.Delete: return new Op(kind, Key(random));
            case OpKind.DeleteRange or OpKind.Compact:
                string a = Key(random), b = Key(random);
                return string.CompareOrdinal(a, b) <= 0 ? new Op(kind, a, b) : new Op(kind, b, a);
            case OpKind.Batch:
                var parts = new List<Op>();
                for (int i = random.NextInt(1, 6); i > 0; i--)
                    parts.Add(Make((OpKind)random.NextInt((int)OpKind.DeleteRange + 1), random));
                return new Op(kind, Parts: parts);
            case OpKind.Ingest:
                var entries = new SortedDictionary<string, Op>(StringComparer.Ordinal);
                for (int i = random.NextInt(1, 6); i > 0; i--)
                {
                    Op op = Make(random.Chance(0.2) ? OpKind.Delete : OpKind.Put, random);
                    entries[op.Key] = op;
                }

                List<Op> list = [.. entries.Values];
                if (random.Chance(0.3)) list.Insert(0, Make(OpKind.DeleteRange, random));
                return new Op(kind, Parts: list);
            case OpKind.Advance: return new Op(kind, Value: random.NextInt(1, 400));
            default: return new Op(kind, Value: random.NextInt(1, 8));
        }
    }

    private static string Key(Prng random)
    {
        // Few and of mixed lengths, so that keys meet, and one is another's prefix.
        int i = random.NextInt(60);
        return i switch
        {
            0 => string.Empty,
            < 10 => ((char)('a' + i)).ToString(),
            _ => $"{(char)('a' + (i % 10))}{i}",
        };
    }
}
