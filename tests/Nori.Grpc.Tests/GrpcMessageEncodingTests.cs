using System.Text;
using Nori.Core;

namespace Nori.Grpc.Tests;

public sealed class GrpcMessageEncodingTests
{
    [Theory]
    [InlineData("", "")]
    [InlineData("plain ~ text", "plain ~ text")]
    [InlineData("100%", "100%25")]
    [InlineData("a\nb", "a%0Ab")]
    [InlineData("größer »é«", "gr%C3%B6%C3%9Fer %C2%BB%C3%A9%C2%AB")]
    [InlineData("😀", "%F0%9F%98%80")]
    public void Messages_are_percent_encoded_utf8(string message, string wire)
    {
        Assert.Equal(wire, GrpcMessageEncoding.Encode(message));
        Assert.Equal(message, GrpcMessageEncoding.Decode(wire));
    }

    [Theory]
    [InlineData("%", "%")]
    [InlineData("%2", "%2")]
    [InlineData("%zz", "%zz")]
    [InlineData("%+1", "%+1")]
    [InlineData("a%2", "a%2")]
    [InlineData("%41%4", "A%4")]
    public void What_is_no_escape_stays(string wire, string message) =>
        Assert.Equal(message, GrpcMessageEncoding.Decode(wire));

    [Fact]
    public void Anything_decodes_and_what_was_encoded_comes_back()
    {
        for (ulong seed = 1; seed <= 5000; seed++)
        {
            var prng = new Prng(seed);
            var text = new StringBuilder();
            for (ulong i = prng.NextUInt64() % 30; i > 0; i--)
                text.Append(prng.NextUInt64() % 3 == 0 ? '%' : (char)(prng.NextUInt64() % 0xD800));
            string message = text.ToString();
            GrpcMessageEncoding.Decode(message);
            string wire = GrpcMessageEncoding.Encode(message);
            Assert.DoesNotContain(wire, c => c is < ' ' or > '~');
            Assert.True(message == GrpcMessageEncoding.Decode(wire), $"seed {seed}");
        }
    }

    [Fact]
    public void An_overlong_message_is_cut()
    {
        string wire = GrpcMessageEncoding.Encode(new string('ü', 100_000));
        Assert.Equal(GrpcMessageEncoding.MessageCharsMax * 6, wire.Length);
    }
}
