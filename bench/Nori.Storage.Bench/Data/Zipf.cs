using Nori.Core;

namespace Nori.Storage.Bench.Data;

/// <summary>
/// Key numbers by YCSB's scrambled zipfian distribution (theta 0.99), drawn before the clock starts and walked in
/// a ring, so that drawing costs neither side anything.
/// </summary>
internal sealed class Zipf
{
    private const double Theta = 0.99;
    private const int RingLength = 1 << 20;

    private readonly uint[] _ring = new uint[RingLength];

    public Zipf(int keys, ulong seed)
    {
        var random = new Prng(seed);
        double zeta = 0;
        for (int i = 1; i <= keys; i++) zeta += 1 / Math.Pow(i, Theta);
        double alpha = 1 / (1 - Theta);
        double eta = (1 - Math.Pow(2.0 / keys, 1 - Theta)) / (1 - ((1 + Math.Pow(0.5, Theta)) / zeta));
        for (int i = 0; i < RingLength; i++)
        {
            double u = random.NextDouble();
            double uz = u * zeta;
            long rank = uz < 1 ? 0 : uz < 1 + Math.Pow(0.5, Theta) ? 1
                : (long)(keys * Math.Pow((eta * u) - eta + 1, alpha));
            _ring[i] = (uint)(Scramble((ulong)Math.Min(rank, keys - 1)) % (ulong)keys);
        }
    }

    /// <summary>The key of the i-th draw; threads start apart.</summary>
    public int this[long draw] => (int)_ring[draw & (RingLength - 1)];

    private static ulong Scramble(ulong rank)
    {
        ulong z = (rank + 1) * 0x9E3779B97F4A7C15;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return z ^ (z >> 31);
    }
}
