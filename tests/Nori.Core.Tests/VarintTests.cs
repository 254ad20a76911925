namespace Nori.Core.Tests;

public sealed class VarintTests
{
    public static TheoryData<ulong, string> Encodings => new()
    {
        { 0, "00" },
        { 1, "01" },
        { 127, "7F" },
        { 128, "8001" },
        { 300, "AC02" },
        { 16383, "FF7F" },
        { 16384, "808001" },
        { uint.MaxValue, "FFFFFFFF0F" },
        { long.MaxValue, "FFFFFFFFFFFFFFFF7F" },
        { ulong.MaxValue, "FFFFFFFFFFFFFFFFFF01" },
    };

    [Theory]
    [MemberData(nameof(Encodings))]
    public void A_value_has_one_short_form(ulong value, string hex)
    {
        byte[] buffer = new byte[Varint.BytesMax];
        int written = Varint.Write(buffer, value);
        Assert.Equal(hex, Convert.ToHexString(buffer, 0, written));
        Assert.Equal(written, Varint.SizeOf(value));
        Assert.True(Varint.TryRead(buffer, out ulong read, out int bytesRead));
        Assert.Equal((value, written), (read, bytesRead));
    }

    [Fact]
    public void Every_power_of_two_and_its_neighbours_round_trip()
    {
        byte[] buffer = new byte[Varint.BytesMax];
        for (int bit = 0; bit < 64; bit++)
        {
            foreach (ulong value in new[] { 1UL << bit, (1UL << bit) - 1, (1UL << bit) + 1 })
            {
                int written = Varint.Write(buffer, value);
                Assert.Equal(Varint.SizeOf(value), written);
                Assert.True(Varint.TryRead(buffer.AsSpan(0, written), out ulong read, out int bytesRead));
                Assert.Equal((value, written), (read, bytesRead));
                for (int cut = 0; cut < written; cut++)
                    Assert.False(Varint.TryRead(buffer.AsSpan(0, cut), out _, out _));
            }
        }
    }

    [Theory]
    [InlineData("")]
    [InlineData("80")]
    [InlineData("FFFFFFFFFFFFFFFFFF02")]
    [InlineData("FFFFFFFFFFFFFFFFFF81")]
    [InlineData("8080808080808080808001")]
    public void What_ends_early_or_does_not_fit_is_refused(string hex)
    {
        Assert.False(Varint.TryRead(Convert.FromHexString(hex), out ulong value, out int bytesRead));
        Assert.Equal((0UL, 0), (value, bytesRead));
    }

    [Fact]
    public void A_longer_form_than_needed_is_read()
    {
        Assert.True(Varint.TryRead(Convert.FromHexString("8000"), out ulong value, out int bytesRead));
        Assert.Equal((0UL, 2), (value, bytesRead));
    }
}
