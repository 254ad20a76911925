using Nori.Core;

namespace Nori.Grpc.Tests;

public sealed class MetadataTests
{
    [Fact]
    public void Keys_are_lower_case_and_may_repeat_in_order()
    {
        var metadata = new Metadata { { "A-Key", "1" }, { "a-key", "2" } };
        Assert.Equal(["a-key=1", "a-key=2"], metadata.Select(e => $"{e.Key}={e.Value}"));
        Assert.Equal("1", metadata.GetValue("A-KEY"));
        Assert.Null(metadata.GetValue("other"));
    }

    [Theory]
    [InlineData("")]
    [InlineData("a b")]
    [InlineData("ü")]
    [InlineData(":path")]
    [InlineData("grpc-status")]
    [InlineData("content-type")]
    [InlineData("te")]
    public void Keys_that_cannot_travel_or_are_the_protocols_are_refused(string key) =>
        Assert.Throws<ArgumentException>(() => new Metadata().Add(key, "v"));

    [Fact]
    public void Text_and_bytes_do_not_mix()
    {
        Assert.Throws<ArgumentException>(() => new Metadata().Add("a-bin", "text"));
        Assert.Throws<ArgumentException>(() => new Metadata().Add("a", new byte[1]));
        Assert.Throws<ArgumentException>(() => new Metadata().Add("a", "line\nbreak"));
        Assert.Throws<ArgumentException>(() => new Metadata().Add("a", "ü"));
        Assert.Throws<InvalidOperationException>(() => new Metadata { { "a-bin", new byte[1] } }[0].Value);
    }

    [Theory]
    [InlineData("", 0)]
    [InlineData("AA", 1)]
    [InlineData("AA==", 1)]
    [InlineData("AAE", 2)]
    [InlineData("AAE=", 2)]
    [InlineData("AAEC", 3)]
    public void Base64_is_read_with_and_without_padding(string wire, int bytes)
    {
        var metadata = new Metadata();
        Assert.True(metadata.TryAddWire("x-bin", wire));
        Assert.Equal([.. Enumerable.Range(0, bytes).Select(i => (byte)i)], metadata.GetBytes("x-bin")!.Value.ToArray());
    }

    [Fact]
    public void Joined_bytes_are_taken_apart()
    {
        var metadata = new Metadata();
        Assert.True(metadata.TryAddWire("x-bin", "AA==, AAE,AAEC"));
        Assert.Equal([1, 2, 3], metadata.Select(e => e.ValueBytes.Length));
    }

    [Theory]
    [InlineData("x-bin", "A")]
    [InlineData("x-bin", "!!!!")]
    [InlineData("x-bin", "AA, !")]
    [InlineData("grpc-timeout", "1S")]
    [InlineData(":authority", "x")]
    [InlineData("te", "trailers")]
    public void What_is_not_for_the_application_is_left_out(string key, string value)
    {
        var metadata = new Metadata();
        Assert.False(metadata.TryAddWire(key, value));
        Assert.Empty(metadata);
    }

    [Fact]
    public void Bytes_come_back_from_the_wire()
    {
        for (ulong seed = 1; seed <= 500; seed++)
        {
            var prng = new Prng(seed);
            byte[] bytes = new byte[(int)(prng.NextUInt64() % 400)];
            for (int i = 0; i < bytes.Length; i++) bytes[i] = (byte)prng.NextUInt64();
            string wire = new Metadata { { "x-bin", bytes } }[0].WireValue;
            Assert.DoesNotContain('=', wire);
            var read = new Metadata();
            Assert.True(read.TryAddWire("x-bin", wire), $"seed {seed}");
            Assert.True(bytes.AsSpan().SequenceEqual(read[0].ValueBytes.Span), $"seed {seed}");
        }
    }
}
