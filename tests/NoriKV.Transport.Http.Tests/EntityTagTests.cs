using NoriKV.Types;

namespace NoriKV.Transport.Http.Tests;

public sealed class EntityTagTests
{
    [Fact]
    public void A_version_comes_back_from_its_tag()
    {
        var version = new KvVersion(3, 17);
        Assert.Equal("\"3.17\"", EntityTag.Of(version));
        Assert.Equal(version, EntityTag.ParseIfMatch(EntityTag.Of(version)));
        Assert.Equal(version, EntityTag.ParseIfMatch(" 3.17 "));
    }

    [Theory]
    [InlineData("\"abc\"")]
    [InlineData("\"0.0\"")]
    [InlineData("W/\"3.17\"")]
    public void A_tag_that_is_no_version_of_ours_matches_nothing(string header) =>
        Assert.Equal(new KvVersion(ulong.MaxValue, ulong.MaxValue), EntityTag.ParseIfMatch(header));

    [Fact]
    public void A_refusal_of_such_a_tag_shows_no_version_that_nobody_sent()
    {
        var error = new KvError(KvCode.VersionMismatch, "Version mismatch: expected 18446744073709551615.18446744073709551615");
        Assert.Contains("never matches", EntityTag.Explain(error, EntityTag.ParseIfMatch("W/\"3.17\"")).Message);
        Assert.Same(error, EntityTag.Explain(error, new KvVersion(3, 17)));
        var other = new KvError(KvCode.Overloaded, "busy");
        Assert.Same(other, EntityTag.Explain(other, EntityTag.ParseIfMatch("\"abc\"")));
    }

    [Theory]
    [InlineData("*")]
    [InlineData("abc")]
    [InlineData("\"1.1\", \"1.2\"")]
    public void What_cannot_be_one_version_is_refused(string header) =>
        Assert.Throws<BadTargetException>(() => EntityTag.ParseIfMatch(header));

    [Theory]
    [InlineData("\"3.17\"", true)]
    [InlineData("W/\"3.17\"", true)]
    [InlineData("\"1.1\", \"3.17\"", true)]
    [InlineData("*", true)]
    [InlineData("\"3.18\"", false)]
    public void A_read_compares_with_every_tag_of_the_list(string header, bool matches) =>
        Assert.Equal(matches, EntityTag.Matches(header, new KvVersion(3, 17)));
}
