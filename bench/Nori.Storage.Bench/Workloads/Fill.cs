using Nori.Core;
using Nori.Storage.Bench.Data;
using Nori.Storage.Bench.Engines;
using Nori.Storage.Bench.Running;

namespace Nori.Storage.Bench.Workloads;

/// <summary>The loops that write.</summary>
internal static class Fill
{
    /// <summary>Keys 0 to n - 1 in order.</summary>
    public static Timed.Worker InOrder(int keys, int valueBytes) => (session, _, _) =>
    {
        Span<byte> key = stackalloc byte[Keys.Length];
        byte[] value = new byte[valueBytes];
        for (int i = 0; i < keys; i++) Put(session, key, value, i, i);
        return keys;
    };

    /// <summary>So many writes to random keys of n, as fillrandom does: some twice, some never.</summary>
    public static Timed.Worker AtRandom(int keys, int valueBytes, int writes, ulong seed) => (session, thread, _) =>
    {
        var random = new Prng(seed + (ulong)thread);
        Span<byte> key = stackalloc byte[Keys.Length];
        byte[] value = new byte[valueBytes];
        for (int i = 0; i < writes; i++) Put(session, key, value, random.NextInt(keys), i);
        return writes;
    };

    /// <summary>Each of n keys once, in an order that is not theirs.</summary>
    public static Timed.Worker Shuffled(int keys, int valueBytes) => (session, _, _) =>
    {
        Span<byte> key = stackalloc byte[Keys.Length];
        byte[] value = new byte[valueBytes];
        // A prime larger than n steps through all of them.
        for (long i = 0; i < keys; i++) Put(session, key, value, i * 2_654_435_761 % keys, i);
        return keys;
    };

    public static void Put(EngineSession session, Span<byte> key, Span<byte> value, long number, long version)
    {
        Keys.Write(number, key);
        Values.Fill(value, number, version);
        session.Put(key, value);
    }
}
