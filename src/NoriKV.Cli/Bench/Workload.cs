using System.Globalization;
using System.Text;
using Nori.Core;
using NoriKV.Client;

namespace NoriKV.Cli.Bench;

/// <summary>Makes and runs the operations of a benchmark.</summary>
/// <remarks>Thread-safe; each worker brings its own generator.</remarks>
internal sealed class Workload
{
    private readonly BenchOptions _options;
    private readonly KeyChooser _keys;
    private readonly byte[] _noise;

    public Workload(BenchOptions options)
    {
        _options = options;
        _keys = new KeyChooser(options.Distribution, options.Keys);
        // Values are slices of one random block: incompressible, and free to make.
        _noise = new byte[Math.Max(1 << 20, options.ValueBytesMax * 2)];
        new Prng(options.Seed).Fill(_noise);
    }

    /// <summary>Draws the next operation of the mix.</summary>
    public OperationKind Draw(Prng random)
    {
        double draw = random.NextDouble();
        return draw < _options.Reads ? OperationKind.Get
            : draw < _options.Reads + _options.Deletes ? OperationKind.Delete
            : OperationKind.Put;
    }

    /// <summary>Runs one operation on a key of the distribution.</summary>
    public async ValueTask RunAsync(
        INoriKV store, OperationKind kind, Prng random, CancellationToken cancellationToken)
    {
        byte[] key = Key(_keys.Next(random));
        switch (kind)
        {
            case OperationKind.Get:
                await store.GetAsync(key, null, cancellationToken).ConfigureAwait(false);
                break;
            case OperationKind.Delete:
                await store.DeleteAsync(key, null, cancellationToken).ConfigureAwait(false);
                break;
            default:
                await store.PutAsync(key, Value(random), null, cancellationToken).ConfigureAwait(false);
                break;
        }
    }

    /// <summary>Writes one key, for the load before.</summary>
    public async Task LoadAsync(INoriKV store, long number, Prng random, CancellationToken cancellationToken) =>
        await store.PutAsync(Key(number), Value(random), null, cancellationToken).ConfigureAwait(false);

    /// <summary>The key of a number: the prefix, then the number with leading zeros.</summary>
    internal byte[] Key(long number)
    {
        string digits = number.ToString(CultureInfo.InvariantCulture);
        return Encoding.ASCII.GetBytes(_options.Prefix + digits.PadLeft(_options.KeyBytes - _options.Prefix.Length, '0'));
    }

    private ReadOnlyMemory<byte> Value(Prng random)
    {
        int length = random.NextInt(_options.ValueBytesMin, _options.ValueBytesMax + 1);
        return _noise.AsMemory(random.NextInt(_noise.Length - length + 1), length);
    }
}
