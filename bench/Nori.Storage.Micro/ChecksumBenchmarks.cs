using BenchmarkDotNet.Attributes;
using Nori.Core;

namespace Nori.Storage.Micro;

/// <summary>What every block, record and key goes through.</summary>
public class ChecksumBenchmarks
{
    private readonly byte[] _data = new byte[4096];

    public ChecksumBenchmarks() => new Prng(1).Fill(_data);

    [Benchmark]
    public uint Crc32COf1KiB() => Crc32C.Compute(_data.AsSpan(0, 1024));

    [Benchmark]
    public uint Crc32COf4KiB() => Crc32C.Compute(_data);

    [Benchmark]
    public ulong XxHash64OfAKey() => XxHash64.Hash(_data.AsSpan(0, 16));

    [Benchmark]
    public int VarintThereAndBack()
    {
        Span<byte> bytes = stackalloc byte[Varint.BytesMax];
        int written = Varint.Write(bytes, 123_456_789);
        var reader = new SpanReader(bytes[..written]);
        return reader.TryReadVarint(out ulong value) ? (int)value : -1;
    }
}
