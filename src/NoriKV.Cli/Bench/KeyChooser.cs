using Nori.Core;

namespace NoriKV.Cli.Bench;

/// <summary>
/// Draws key numbers. Zipfian ranks come from the closed form of Gray et al., "Quickly generating billion-record
/// synthetic databases" (SIGMOD 1994), §3.2; a rank is hashed to a key, so that hot keys lie in different shards.
/// </summary>
/// <remarks>Thread-safe; each caller brings its own generator.</remarks>
internal sealed class KeyChooser
{
    private const double Theta = 0.99;

    private readonly KeyDistribution _distribution;
    private readonly long _keys;
    private readonly double _zeta;
    private readonly double _eta;
    private long _next = -1;

    public KeyChooser(KeyDistribution distribution, long keys)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(keys);
        _distribution = distribution;
        _keys = keys;
        if (distribution != KeyDistribution.Zipfian) return;
        for (long i = 1; i <= keys; i++) _zeta += 1 / Math.Pow(i, Theta);
        double zeta2 = 1 + Math.Pow(0.5, Theta);
        _eta = (1 - Math.Pow(2.0 / keys, 1 - Theta)) / (1 - zeta2 / _zeta);
    }

    /// <summary>The number of the next key, below the number of keys.</summary>
    public long Next(Prng random) => _distribution switch
    {
        KeyDistribution.Sequential => Interlocked.Increment(ref _next) % _keys,
        KeyDistribution.Zipfian => Scatter(Rank(random.NextDouble())),
        _ => random.NextLong(_keys),
    };

    /// <summary>The rank (0 the most frequent) of a uniform draw.</summary>
    internal long Rank(double draw)
    {
        double scaled = draw * _zeta;
        if (scaled < 1) return 0;
        if (scaled < 1 + Math.Pow(0.5, Theta)) return Math.Min(1, _keys - 1);
        return Math.Min(_keys - 1, (long)(_keys * Math.Pow(_eta * draw - _eta + 1, 1 / (1 - Theta))));
    }

    private long Scatter(long rank)
    {
        Span<byte> bytes = stackalloc byte[8];
        System.Buffers.Binary.BinaryPrimitives.WriteInt64LittleEndian(bytes, rank);
        return (long)(XxHash64.Hash(bytes) % (ulong)_keys);
    }
}
