using System.Numerics;

namespace Nori.Core;

/// <summary>
/// A seeded pseudo-random generator: equal seeds give equal sequences on every platform and version.
/// xoshiro256** by Blackman and Vigna, seeded by SplitMix64 (https://prng.di.unimi.it/).
/// </summary>
/// <remarks>Not thread-safe: one owner. Not for secrets.</remarks>
public sealed class Prng
{
    private ulong _s0, _s1, _s2, _s3;

    /// <summary>Starts the sequence that belongs to <paramref name="seed"/>.</summary>
    public Prng(ulong seed)
    {
        Seed = seed;
        _s0 = SplitMix(ref seed);
        _s1 = SplitMix(ref seed);
        _s2 = SplitMix(ref seed);
        _s3 = SplitMix(ref seed);
    }

    /// <summary>The seed this generator was made with; print it with every failure.</summary>
    public ulong Seed { get; }

    /// <summary>A uniform 64-bit value.</summary>
    public ulong NextUInt64()
    {
        ulong result = BitOperations.RotateLeft(_s1 * 5, 7) * 9;
        ulong t = _s1 << 17;
        _s2 ^= _s0;
        _s3 ^= _s1;
        _s1 ^= _s2;
        _s0 ^= _s3;
        _s2 ^= t;
        _s3 = BitOperations.RotateLeft(_s3, 45);
        return result;
    }

    /// <summary>A uniform 32-bit value.</summary>
    public uint NextUInt32() => (uint)(NextUInt64() >> 32);

    /// <summary>A uniform value in [0, <paramref name="exclusiveMax"/>).</summary>
    public int NextInt(int exclusiveMax) => (int)NextLong(exclusiveMax);

    /// <summary>A uniform value in [<paramref name="inclusiveMin"/>, <paramref name="exclusiveMax"/>).</summary>
    public int NextInt(int inclusiveMin, int exclusiveMax) =>
        (int)(inclusiveMin + NextLong((long)exclusiveMax - inclusiveMin));

    /// <summary>
    /// A uniform value in [0, <paramref name="exclusiveMax"/>), by multiply-shift (bias below 2^-32 of a step).
    /// </summary>
    public long NextLong(long exclusiveMax)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(exclusiveMax);
        return (long)Math.BigMul(NextUInt64(), (ulong)exclusiveMax, out _);
    }

    /// <summary>A uniform value in [0, 1).</summary>
    public double NextDouble() => (NextUInt64() >> 11) * (1.0 / (1UL << 53));

    /// <summary>True with the given probability.</summary>
    /// <param name="probability">0 never, 1 always.</param>
    public bool Chance(double probability) => NextDouble() < probability;

    /// <summary>Fills the span with random bytes.</summary>
    public void Fill(Span<byte> destination)
    {
        while (destination.Length >= sizeof(ulong))
        {
            System.Buffers.Binary.BinaryPrimitives.WriteUInt64LittleEndian(destination, NextUInt64());
            destination = destination[sizeof(ulong)..];
        }

        if (destination.IsEmpty) return;
        ulong last = NextUInt64();
        for (int i = 0; i < destination.Length; i++) destination[i] = (byte)(last >> (8 * i));
    }

    /// <summary>Puts the span into a random order (Fisher–Yates).</summary>
    public void Shuffle<T>(Span<T> items)
    {
        for (int i = items.Length - 1; i > 0; i--)
        {
            int j = NextInt(i + 1);
            (items[i], items[j]) = (items[j], items[i]);
        }
    }

    /// <summary>A new generator whose sequence is independent of what is later drawn from this one.</summary>
    public Prng Fork() => new(NextUInt64());

    private static ulong SplitMix(ref ulong state)
    {
        ulong z = state += 0x9E3779B97F4A7C15UL;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9UL;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EBUL;
        return z ^ (z >> 31);
    }
}
