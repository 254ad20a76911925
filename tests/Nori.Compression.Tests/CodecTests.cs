using IronSnappy;
using Nori.Compression.Codecs;
using Nori.Core;

namespace Nori.Compression.Tests;

public sealed class CodecTests
{
    public static TheoryData<CompressionType> Types =>
        [CompressionType.None, CompressionType.Snappy, CompressionType.Lz4, CompressionType.Zstd];

    public static TheoryData<CompressionType> RealTypes =>
        [CompressionType.Snappy, CompressionType.Lz4, CompressionType.Zstd];

    [Theory]
    [MemberData(nameof(Types))]
    public void What_was_compressed_comes_back(CompressionType type)
    {
        IBlockCodec codec = BlockCodecs.Get(type);
        Assert.Equal(type, codec.Type);
        var prng = new Prng(7);
        int[] lengths = [0, 1, 2, 15, 16, 17, 100, 4096, 65_535, 65_536, 65_537, 1 << 20];
        foreach (int length in lengths)
        {
            foreach (byte[] plain in Inputs(prng, length))
            {
                byte[] compressed = Compress(codec, plain);
                byte[] target = new byte[length];
                Assert.True(codec.TryDecompress(compressed, target));
                Assert.Equal(plain, target);
            }
        }
    }

    [Theory]
    [MemberData(nameof(RealTypes))]
    public void Repetitive_blocks_shrink(CompressionType type)
    {
        byte[] plain = new byte[4096];
        for (int i = 0; i < plain.Length; i++) plain[i] = (byte)(i % 50);
        Assert.InRange(Compress(BlockCodecs.Get(type), plain).Length, 1, 600);
    }

    [Theory]
    [MemberData(nameof(Types))]
    public void A_target_of_another_length_is_refused(CompressionType type)
    {
        IBlockCodec codec = BlockCodecs.Get(type);
        byte[] plain = [.. Enumerable.Range(0, 500).Select(i => (byte)(i % 20))];
        byte[] compressed = Compress(codec, plain);
        Assert.False(codec.TryDecompress(compressed, new byte[499]));
        Assert.False(codec.TryDecompress(compressed, new byte[501]));
        Assert.False(codec.TryDecompress(compressed, []));
        Assert.False(codec.TryDecompress([], new byte[500]));
    }

    [Theory]
    [MemberData(nameof(RealTypes))]
    public void Every_cut_of_the_input_is_refused(CompressionType type)
    {
        IBlockCodec codec = BlockCodecs.Get(type);
        byte[] plain = [.. Enumerable.Range(0, 800).Select(i => (byte)(i * i % 97))];
        byte[] compressed = Compress(codec, plain);
        for (int cut = 0; cut < compressed.Length; cut++)
            Assert.False(
                codec.TryDecompress(compressed.AsSpan(0, cut), new byte[plain.Length]), $"cut at {cut}");
    }

    [Theory]
    [MemberData(nameof(RealTypes))]
    public void Hostile_input_never_writes_outside_the_target_nor_throws(CompressionType type)
    {
        const int guard = 64;
        IBlockCodec codec = BlockCodecs.Get(type);
        for (ulong seed = 1; seed <= 4000; seed++)
        {
            var prng = new Prng(seed);
            byte[] plain = Inputs(prng, prng.NextInt(1, 3000)).ElementAt(prng.NextInt(3));
            byte[] hostile = prng.Chance(0.2) ? new byte[prng.NextInt(200)] : Compress(codec, plain);
            if (prng.Chance(0.2)) prng.Fill(hostile);
            for (int flips = prng.NextInt(1, 8); flips > 0 && hostile.Length > 0; flips--)
                hostile[prng.NextInt(hostile.Length)] ^= (byte)(1 << prng.NextInt(8));

            byte[] memory = new byte[guard + plain.Length + guard];
            Array.Fill(memory, (byte)0xA5);
            codec.TryDecompress(hostile, memory.AsSpan(guard, plain.Length));
            bool isUntouched = !memory.AsSpan(0, guard).ContainsAnyExcept((byte)0xA5)
                && !memory.AsSpan(guard + plain.Length).ContainsAnyExcept((byte)0xA5);
            Assert.True(isUntouched, $"{type} wrote outside its target; replay with Prng seed {seed}");
        }
    }

    [Theory]
    [MemberData(nameof(Types))]
    public void Decompression_allocates_nothing_on_the_managed_heap(CompressionType type)
    {
        IBlockCodec codec = BlockCodecs.Get(type);
        byte[] plain = [.. Enumerable.Range(0, 4096).Select(i => (byte)(i % 33))];
        byte[] compressed = Compress(codec, plain);
        byte[] target = new byte[plain.Length];
        codec.TryDecompress(compressed, target);
        Assert.Equal(0, Allocations.Least(() =>
        {
            for (int i = 0; i < 1000; i++) codec.TryDecompress(compressed, target);
        }));
    }

    [Fact]
    public void A_snappy_length_that_lies_allocates_nothing()
    {
        // 4 GiB claimed in five bytes.
        byte[] hostile = [0xFF, 0xFF, 0xFF, 0xFF, 0x0F, 0x00];
        IBlockCodec codec = BlockCodecs.Get(CompressionType.Snappy);
        Assert.InRange(Allocations.Least(() => Assert.False(codec.TryDecompress(hostile, new byte[10]))), 0, 1000);
    }

    [Fact]
    public void Our_snappy_decoder_agrees_with_the_package_on_damaged_input()
    {
        int accepted = 0;
        for (ulong seed = 1; seed <= 3000; seed++)
        {
            var prng = new Prng(seed);
            byte[] plain = Inputs(prng, prng.NextInt(1, 500)).ElementAt(prng.NextInt(3));
            byte[] input = Snappy.Encode(plain);
            if (prng.Chance(0.8)) input[prng.NextInt(1, input.Length)] ^= (byte)(1 << prng.NextInt(8));
            byte[]? theirs = DecodeByPackage(input);
            byte[] ours = new byte[plain.Length];
            bool isOurs = SnappyDecoder.TryDecode(input, ours);

            // The package accepts some inputs it should not; where both accept, the bytes are the same.
            if (isOurs && theirs is not null) Assert.Equal(theirs, ours);
            if (isOurs) accepted++;
        }

        Assert.InRange(accepted, 300, 3000);
    }

    [Fact]
    public void Snappy_elements_of_every_kind_are_read_as_specified()
    {
        // literal "abcd"; copy 1 (length 4, offset 4); copy 2 (length 3, offset 1: a run); copy 4 (length 2,
        // offset 8).
        byte[] input = [13, 3 << 2, 97, 98, 99, 100, 1, 4, (2 << 2) | 2, 1, 0, (1 << 2) | 3, 8, 0, 0, 0];
        byte[] target = new byte[13];
        Assert.True(SnappyDecoder.TryDecode(input, target));
        Assert.Equal("abcdabcdddd"u8.ToArray(), target[..11]);
        Assert.Equal(target[3], target[11]);
        Assert.Equal(target[4], target[12]);
    }

    [Fact]
    public void A_missing_library_is_named_with_its_package()
    {
        var library = new NativeCodecLibrary(CompressionType.Zstd, "libzstd1", "libnori-missing.so.1");
        Assert.False(library.IsAvailable);
        var e = Assert.Throws<CodecUnavailableException>(library.ThrowIfMissing);
        Assert.Equal(CompressionType.Zstd, e.Type);
        Assert.Contains("libnori-missing.so.1", e.Message, StringComparison.Ordinal);
        Assert.Contains("apt-get install libzstd1", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Unknown_types_are_not_available()
    {
        Assert.False(BlockCodecs.IsAvailable((CompressionType)4));
        Assert.False(BlockCodecs.IsKnown((CompressionType)4));
        Assert.Throws<ArgumentOutOfRangeException>(() => BlockCodecs.Get((CompressionType)4));
        Assert.All(Types, row => Assert.True(BlockCodecs.IsAvailable(row.Data)));
    }

    [Theory]
    [MemberData(nameof(Types))]
    public void A_short_target_for_compression_is_an_argument_error(CompressionType type)
    {
        IBlockCodec codec = BlockCodecs.Get(type);
        Assert.Throws<ArgumentException>(() => codec.Compress(new byte[100], new byte[99]));
        Assert.Throws<ArgumentOutOfRangeException>(() => codec.MaxCompressedLength(-1));
        Assert.Throws<ArgumentOutOfRangeException>(
            () => codec.MaxCompressedLength(BlockCodecs.BlockBytesMax + 1));
    }

    [Theory]
    [MemberData(nameof(Types))]
    public async Task Codecs_serve_many_threads(CompressionType type)
    {
        IBlockCodec codec = BlockCodecs.Get(type);
        await Task.WhenAll(Enumerable.Range(1, 4).Select(thread => Task.Run(() =>
        {
            var prng = new Prng((ulong)thread);
            for (int i = 0; i < 200; i++)
            {
                byte[] plain = Inputs(prng, prng.NextInt(1, 5000)).ElementAt(i % 3);
                byte[] target = new byte[plain.Length];
                Assert.True(codec.TryDecompress(Compress(codec, plain), target));
                Assert.Equal(plain, target);
            }
        })));
    }

    private static IEnumerable<byte[]> Inputs(Prng prng, int length)
    {
        byte[] random = new byte[length];
        prng.Fill(random);
        yield return random;
        yield return new byte[length];
        byte[] words = new byte[length];
        for (int i = 0; i < length; i++)
            words[i] = (byte)(97 + (prng.Chance(0.3) ? prng.NextInt(26) : i % 5));
        yield return words;
    }

    private static byte[] Compress(IBlockCodec codec, byte[] plain)
    {
        byte[] target = new byte[codec.MaxCompressedLength(plain.Length)];
        return target[..codec.Compress(plain, target)];
    }

    private static byte[]? DecodeByPackage(byte[] input)
    {
        try
        {
            return Snappy.Decode(input);
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            return null;
        }
    }
}
