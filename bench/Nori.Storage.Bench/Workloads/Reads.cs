using Nori.Core;
using Nori.Storage.Bench.Data;
using Nori.Storage.Bench.Running;

namespace Nori.Storage.Bench.Workloads;

/// <summary>The loops that read, until the clock says stop.</summary>
internal static class Reads
{
    public static Timed.Worker AtRandom(int keys, ulong seed) => (session, thread, clock) =>
    {
        var random = new Prng(seed + ((ulong)thread * 1000));
        Span<byte> key = stackalloc byte[Keys.Length];
        long reads = 0, found = 0;
        while (!clock.IsOver)
        {
            for (int i = 0; i < 64; i++, reads++)
            {
                Keys.Write(random.NextInt(keys), key);
                if (session.Get(key) >= 0) found++;
            }
        }

        return found > 0 || reads == 0 ? reads : throw new InvalidOperationException("nothing was found");
    };

    /// <summary>A read and a write by turns, each of a random key.</summary>
    public static Timed.Worker Mixed(int keys, int valueBytes, ulong seed) => (session, thread, clock) =>
    {
        var random = new Prng(seed + ((ulong)thread * 1000));
        Span<byte> key = stackalloc byte[Keys.Length];
        byte[] value = new byte[valueBytes];
        long operations = 0;
        while (!clock.IsOver)
        {
            for (int i = 0; i < 16; i++, operations += 2)
            {
                Keys.Write(random.NextInt(keys), key);
                session.Get(key);
                Fill.Put(session, key, value, random.NextInt(keys), operations);
            }
        }

        return operations;
    };

    public static Timed.Worker Zipfian(Zipf zipf) => (session, thread, clock) =>
    {
        Span<byte> key = stackalloc byte[Keys.Length];
        long draw = thread * 500_000L, reads = 0;
        while (!clock.IsOver)
        {
            for (int i = 0; i < 64; i++, reads++)
            {
                Keys.Write(zipf[draw++], key);
                session.Get(key);
            }
        }

        return reads;
    };

    public static Timed.Worker Seeks(int keys, int nexts, ulong seed) => (session, thread, clock) =>
    {
        var random = new Prng(seed + (ulong)thread);
        Span<byte> key = stackalloc byte[Keys.Length];
        long seeks = 0;
        while (!clock.IsOver)
        {
            for (int i = 0; i < 16; i++, seeks++)
            {
                Keys.Write(random.NextInt(keys), key);
                session.Scan(key, nexts);
            }
        }

        return seeks;
    };

    /// <summary>Walks the whole of it again and again; entries count.</summary>
    public static Timed.Worker InOrder() => (session, _, clock) =>
    {
        long entries = 0;
        while (!clock.IsOver) entries += session.Walk(null);
        return entries;
    };
}
