using System.Buffers;
using Nori.Core;

namespace Nori.Grpc.Tests;

public sealed class FramingTests
{
    private const int Limit = 1000;

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(255)]
    [InlineData(Limit)]
    public void A_message_is_flag_length_and_bytes(int bytes)
    {
        var output = new ArrayBufferWriter<byte>();
        byte[] message = [.. Enumerable.Range(0, bytes).Select(i => (byte)i)];
        Assert.Equal(bytes, FrameWriter.Write(output, Marshallers.Bytes, message));
        Assert.Equal([0, 0, 0, (byte)(bytes >> 8), (byte)bytes, .. message], output.WrittenSpan.ToArray());
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    [InlineData(7)]
    [InlineData(5000)]
    public void Messages_are_found_however_they_are_cut(int piece)
    {
        var output = new ArrayBufferWriter<byte>();
        int[] sizes = [0, 1, 5, 900, 0, 77];
        foreach (int size in sizes) FrameWriter.Write(output, Marshallers.Bytes, new byte[size]);
        ReadOnlySequence<byte> buffer = Segments.Cut(output.WrittenSpan.ToArray(), piece);
        foreach (int size in sizes)
        {
            Assert.Equal(FrameOutcome.Message, FrameReader.TryRead(ref buffer, Limit, out ReadOnlySequence<byte> message));
            Assert.Equal(size, message.Length);
        }

        Assert.True(buffer.IsEmpty);
        Assert.Equal(FrameOutcome.NeedMore, FrameReader.TryRead(ref buffer, Limit, out _));
    }

    [Fact]
    public void A_message_cut_short_anywhere_needs_more()
    {
        byte[] whole = [0, 0, 0, 0, 10, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10];
        for (int length = 0; length < whole.Length; length++)
        {
            ReadOnlySequence<byte> buffer = Segments.Cut(whole[..length], 2);
            Assert.Equal(FrameOutcome.NeedMore, FrameReader.TryRead(ref buffer, Limit, out _));
            Assert.Equal(length, buffer.Length);
        }
    }

    [Theory]
    [InlineData(new byte[] { 0, 0, 0, 3, 233 }, FrameOutcome.TooLarge)]
    [InlineData(new byte[] { 0, 255, 255, 255, 255 }, FrameOutcome.TooLarge)]
    [InlineData(new byte[] { 0, 128, 0, 0, 0 }, FrameOutcome.TooLarge)]
    [InlineData(new byte[] { 1 }, FrameOutcome.Compressed)]
    [InlineData(new byte[] { 1, 0, 0, 0, 0 }, FrameOutcome.Compressed)]
    [InlineData(new byte[] { 2 }, FrameOutcome.Malformed)]
    [InlineData(new byte[] { 255, 0, 0, 0, 0 }, FrameOutcome.Malformed)]
    public void What_cannot_be_accepted_is_known_from_the_prefix(byte[] prefix, FrameOutcome expected)
    {
        ReadOnlySequence<byte> buffer = new(prefix);
        Assert.Equal(expected, FrameReader.TryRead(ref buffer, Limit, out _));
    }

    [Fact]
    public void Mutated_frames_give_an_outcome_and_never_more_bytes_than_there_are()
    {
        for (ulong seed = 1; seed <= 20_000; seed++)
        {
            var prng = new Prng(seed);
            var output = new ArrayBufferWriter<byte>();
            for (int i = 0; i < 3; i++)
                FrameWriter.Write(output, Marshallers.Bytes, new byte[(int)(prng.NextUInt64() % 40)]);
            byte[] bytes = output.WrittenSpan.ToArray();
            for (ulong i = 0; i < 1 + (prng.NextUInt64() % 3); i++)
                bytes[(int)(prng.NextUInt64() % (ulong)bytes.Length)] = (byte)prng.NextUInt64();
            ReadOnlySequence<byte> buffer = Segments.Cut(bytes, 1 + (int)(prng.NextUInt64() % 9));
            long left = buffer.Length;
            while (FrameReader.TryRead(ref buffer, Limit, out ReadOnlySequence<byte> message) == FrameOutcome.Message)
            {
                Assert.True(message.Length <= Limit, $"seed {seed}");
                Assert.True(left - 5 - message.Length == buffer.Length, $"seed {seed}");
                left = buffer.Length;
            }
        }
    }

    [Fact]
    public void A_marshaller_without_sizes_frames_the_same_bytes()
    {
        var sized = new ArrayBufferWriter<byte>();
        var unsized = new ArrayBufferWriter<byte>();
        byte[] message = new byte[5000];
        new Random(1).NextBytes(message);
        FrameWriter.Write(sized, Marshallers.Bytes, message);
        FrameWriter.Write(unsized, Marshallers.Bytes with { Size = null }, message);
        Assert.True(sized.WrittenSpan.SequenceEqual(unsized.WrittenSpan));
    }

    [Fact]
    public void A_pooled_buffer_keeps_messages_apart_while_it_grows()
    {
        using var buffer = new FrameBuffer();
        Marshaller<ReadOnlyMemory<byte>> unsized = Marshallers.Bytes with { Size = null };
        for (int i = 0; i < 100; i++) buffer.Append(i % 2 == 0 ? unsized : Marshallers.Bytes, new byte[i * 37]);
        var rest = new ReadOnlySequence<byte>(buffer.Written);
        for (int i = 0; i < 100; i++)
        {
            Assert.Equal(FrameOutcome.Message, FrameReader.TryRead(ref rest, 10_000, out ReadOnlySequence<byte> message));
            Assert.Equal(i * 37, message.Length);
        }

        Assert.True(rest.IsEmpty);
    }
}
