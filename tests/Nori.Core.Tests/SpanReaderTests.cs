using System.Buffers;

namespace Nori.Core.Tests;

public sealed class SpanReaderTests
{
    [Fact]
    public void Fields_are_read_as_they_were_written()
    {
        ArrayBufferWriter<byte> writer = new();
        writer.WriteByte(0xAB);
        writer.WriteUInt16(0x1234);
        writer.WriteUInt32(0x12345678);
        writer.WriteUInt64(0x123456789ABCDEF0);
        writer.WriteUInt32BigEndian(0x12345678);
        writer.WriteVarint(300);
        writer.WriteVarint(int.MaxValue);
        writer.WriteLengthPrefixed("key"u8);
        writer.WriteLengthPrefixed([]);
        Assert.Equal(
            "AB" + "3412" + "78563412" + "F0DEBC9A78563412" + "12345678" + "AC02" + "FFFFFFFF07" + "036B6579" + "00",
            Convert.ToHexString(writer.WrittenSpan));

        SpanReader reader = new(writer.WrittenSpan);
        Assert.True(reader.TryReadByte(out byte one) && one == 0xAB);
        Assert.True(reader.TryReadUInt16(out ushort two) && two == 0x1234);
        Assert.True(reader.TryReadUInt32(out uint four) && four == 0x12345678);
        Assert.True(reader.TryReadUInt64(out ulong eight) && eight == 0x123456789ABCDEF0);
        Assert.True(reader.TryReadUInt32BigEndian(out uint big) && big == 0x12345678);
        Assert.True(reader.TryReadVarint(out ulong varint) && varint == 300);
        Assert.True(reader.TryReadVarintInt32(out int narrow) && narrow == int.MaxValue);
        Assert.True(reader.TryReadLengthPrefixed(out ReadOnlySpan<byte> key) && key.SequenceEqual("key"u8));
        Assert.False(reader.AtEnd);
        Assert.True(reader.TryReadLengthPrefixed(out ReadOnlySpan<byte> empty) && empty.IsEmpty);
        Assert.True(reader.AtEnd);
        Assert.Equal(writer.WrittenCount, reader.Position);
    }

    [Fact]
    public void Short_input_is_refused_and_nothing_is_consumed()
    {
        SpanReader reader = new([1, 2, 3]);
        Assert.False(reader.TryReadUInt32(out uint four));
        Assert.False(reader.TryReadUInt64(out ulong eight));
        Assert.False(reader.TryReadUInt32BigEndian(out uint big));
        Assert.Equal((0u, 0UL, 0u), (four, eight, big));
        Assert.False(reader.TryReadBytes(4, out ReadOnlySpan<byte> bytes));
        Assert.True(bytes.IsEmpty);
        Assert.False(reader.TryReadBytes(-1, out _));
        Assert.False(reader.TryReadBytes(int.MinValue, out _));
        Assert.Equal((0, 3), (reader.Position, reader.Remaining.Length));
        Assert.True(reader.TryReadBytes(3, out _));
        Assert.False(reader.TryReadByte(out _));
        Assert.False(reader.TryReadUInt16(out _));
    }

    [Theory]
    [InlineData("05616263")]
    [InlineData("FFFFFFFF0F61")]
    [InlineData("FFFFFFFFFFFFFFFFFF0161")]
    [InlineData("80")]
    public void A_length_beyond_the_input_is_refused_whatever_it_says(string hex)
    {
        SpanReader reader = new(Convert.FromHexString(hex));
        Assert.False(reader.TryReadLengthPrefixed(out ReadOnlySpan<byte> bytes));
        Assert.True(bytes.IsEmpty);
        Assert.Equal(0, reader.Position);
    }

    [Fact]
    public void Random_input_never_throws_and_never_reads_beyond_the_end()
    {
        for (ulong seed = 0; seed < 5000; seed++)
        {
            Prng random = new(seed);
            byte[] input = new byte[random.NextInt(40)];
            random.Fill(input);
            if (random.Chance(0.3)) input.AsSpan().Fill(0xFF);
            Walk(input, random);
        }
    }

    private static void Walk(byte[] input, Prng random)
    {
        SpanReader reader = new(input);
        for (int step = 0; step < 50; step++)
        {
            int before = reader.Position;
            bool read = random.NextInt(9) switch
            {
                0 => reader.TryReadByte(out _),
                1 => reader.TryReadUInt16(out _),
                2 => reader.TryReadUInt32(out _),
                3 => reader.TryReadUInt64(out _),
                4 => reader.TryReadUInt32BigEndian(out _),
                5 => reader.TryReadVarint(out _),
                6 => reader.TryReadVarintInt32(out int value) && value >= 0,
                7 => reader.TryReadBytes(random.NextInt(-5, 20), out _),
                _ => reader.TryReadLengthPrefixed(out _),
            };
            Assert.InRange(reader.Position, before, input.Length);
            if (!read) Assert.True(reader.Position == before, $"seed {random.Seed}: a failed read consumed bytes");
            Assert.Equal(input.Length - reader.Position, reader.Remaining.Length);
        }
    }
}
