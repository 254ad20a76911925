using BenchmarkDotNet.Attributes;
using Nori.Compression;
using Nori.Core;

namespace Nori.Storage.Micro;

/// <summary>One block of 4 KiB that compresses to a half.</summary>
public class CodecBenchmarks
{
    private readonly byte[] _plain = new byte[4096];
    private byte[] _stored = [];
    private byte[] _target = [];
    private int _length;
    private IBlockCodec _codec = null!;

    [Params(CompressionType.Lz4, CompressionType.Snappy, CompressionType.Zstd)]
    public CompressionType Codec { get; set; }

    [GlobalSetup]
    public void Setup()
    {
        var random = new Prng(1);
        for (int at = 0; at + 100 <= _plain.Length; at += 100)
        {
            random.Fill(_plain.AsSpan(at, 50));
            _plain.AsSpan(at, 50).CopyTo(_plain.AsSpan(at + 50));
        }

        _codec = BlockCodecs.Get(Codec);
        _stored = new byte[_codec.MaxCompressedLength(_plain.Length)];
        _target = new byte[_stored.Length];
        _length = _codec.Compress(_plain, _stored);
    }

    [Benchmark]
    public int Compress() => _codec.Compress(_plain, _target);

    [Benchmark]
    public bool Decompress() => _codec.TryDecompress(_stored.AsSpan(0, _length), _target.AsSpan(0, _plain.Length));
}
