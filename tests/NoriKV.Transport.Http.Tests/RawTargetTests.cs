using System.Text;

namespace NoriKV.Transport.Http.Tests;

public sealed class RawTargetTests
{
    [Theory]
    [InlineData("/kv/a", "/kv/a")]
    [InlineData("/kv/a?x=1", "/kv/a")]
    [InlineData("/kv/../a", "/kv/../a")]
    [InlineData("/kv/a?b?c", "/kv/a")]
    [InlineData("http://host:80/kv/a?x", "/kv/a")]
    [InlineData("http://host", "/")]
    [InlineData("http://host?x=1", "")]
    [InlineData("*", "*")]
    public void The_path_stands_as_it_was_sent(string target, string path) =>
        Assert.Equal(path, RawTarget.Parse(target).Path);

    [Fact]
    public void A_parameter_is_bytes_and_a_plus_in_it_is_a_space()
    {
        RawTarget target = RawTarget.Parse("/kv?prefix=a%00%FF+b%2B&limit=7&empty=&flag");
        Assert.Equal([(byte)'a', 0, 0xFF, (byte)' ', (byte)'b', (byte)'+'], target.Bytes("prefix")!);
        Assert.Equal(7ul, target.Number("limit"));
        Assert.Null(target.Number("empty"));
        Assert.Null(target.Number("none"));
        Assert.True(target.Has("flag"));
        Assert.True(target.Flag("flag"));
        Assert.False(target.Flag("none"));
        Assert.Null(target.Bytes("none"));
    }

    [Fact]
    public void The_first_occurrence_of_a_parameter_counts() =>
        Assert.Equal("1", RawTarget.Parse("/?a=1&a=2").Text("a"));

    [Theory]
    [InlineData("AP8r")]
    [InlineData("AP8%2B")]
    [InlineData("AP8r====")]
    public void Base64_is_read_however_it_is_written(string text)
    {
        byte[]? bytes = RawTarget.Parse("/kv?key_b64=" + text).Base64("key_b64");
        Assert.Equal(3, bytes!.Length);
    }

    [Fact]
    public void Both_alphabets_of_base64_give_the_same_key()
    {
        byte[] expected = [0xFB, 0xFF, 0xFE];
        foreach (string text in new[] { "+//+", "-__-", "%2B%2F%2F%2B" })
            Assert.Equal(expected, RawTarget.Parse("/kv?key_b64=" + text).Base64("key_b64"));
    }

    [Theory]
    [InlineData("/?key_b64=!!")]
    [InlineData("/?key_b64=%zz")]
    public void What_is_not_base64_is_refused(string target) =>
        Assert.Throws<BadTargetException>(() => RawTarget.Parse(target).Base64("key_b64"));

    [Theory]
    [InlineData("-1")]
    [InlineData("1.5")]
    [InlineData("99999999999999999999")]
    [InlineData("x")]
    public void What_is_not_a_whole_number_is_refused(string text) =>
        Assert.Throws<BadTargetException>(() => RawTarget.Parse("/?ttl_ms=" + text).Number("ttl_ms"));

    [Fact]
    public void Words_are_gathered_from_commas_and_repetition() =>
        Assert.Equal(["Wal", "Lsm", "Raft"], RawTarget.Parse("/events?family=Wal,Lsm&x=1&family=Raft").Words("family"));

    [Fact]
    public void Every_byte_survives_a_percent_escape_once()
    {
        byte[] all = [.. Enumerable.Range(0, 256).Select(static i => (byte)i)];
        string encoded = string.Concat(all.Select(static b => $"%{b:x2}"));
        Assert.True(PercentDecoder.TryDecode(encoded, plusIsSpace: false, out byte[]? decoded));
        Assert.Equal(all, decoded);
        Assert.True(PercentDecoder.TryDecode("a%252Fb", plusIsSpace: false, out decoded));
        Assert.Equal("a%2Fb", Encoding.ASCII.GetString(decoded!));
    }

    [Theory]
    [InlineData("%")]
    [InlineData("%4")]
    [InlineData("a%4g")]
    [InlineData("é")]
    public void A_broken_escape_is_no_key(string text) =>
        Assert.False(PercentDecoder.TryDecode(text, plusIsSpace: false, out _));
}
