using System.Buffers.Binary;
using Nori.Core;
using Nori.Storage.Bench.Data;
using Nori.Storage.Bench.Engines;

namespace Nori.Storage.Bench.Workloads;

/// <summary>After equal writes both engines hold the same: a benchmark of wrong answers is worth nothing.</summary>
internal static class Agreement
{
    private const int Samples = 20_000;

    /// <exception cref="InvalidDataException">They do not; the message names the key.</exception>
    public static void Check(StorageEngine ours, StorageEngine peer, int keys)
    {
        using EngineSession left = ours.NewSession(), right = peer.NewSession();
        var random = new Prng(99);
        byte[] key = new byte[Keys.Length];
        for (int i = 0; i < Samples; i++)
        {
            // A tenth of the samples lies beyond the keys: absence must agree too.
            long number = random.NextLong(keys + (keys / 10));
            Keys.Write(number, key);
            byte[]? a = left.Read(key), b = right.Read(key);
            if (left.Get(key) != (a?.Length ?? -1) || right.Get(key) != (b?.Length ?? -1))
                throw new InvalidDataException($"the two ways to read differ at key {number}");
            if ((a is null) != (b is null) || (a is not null && !a.AsSpan().SequenceEqual(b)))
                throw new InvalidDataException($"the engines differ at key {number}");
        }

        (long count, ulong digest) one = Digest(left), other = Digest(right);
        if (one != other) throw new InvalidDataException($"the engines hold different data: {one}, {other}");
    }

    private static (long Count, ulong Digest) Digest(EngineSession session)
    {
        ulong digest = 0;
        byte[] carry = new byte[sizeof(ulong)];
        long count = session.Walk((key, value) =>
        {
            // Chained, so that the order counts.
            BinaryPrimitives.WriteUInt64LittleEndian(carry, digest);
            digest = XxHash64.Hash(value, XxHash64.Hash(key, XxHash64.Hash(carry)));
        });
        return (count, digest);
    }
}
