using System.Text;
using Nori.Core;
using NoriKV.Types;

namespace NoriKV.Placement.Tests;

public sealed class KeyHashTests
{
    [Theory]
    [InlineData("hello", 2794345569481354659UL, 309u)]
    [InlineData("user:123", 12838382303697200627UL, 928u)]
    [InlineData("", 17241709254077376921UL, 332u)]
    [InlineData("a", 15154266338359012955UL, 894u)]
    public void The_check_values_of_the_wire_contract_hold(string key, ulong hash, uint shard)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(key);
        Assert.Equal(hash, XxHash64.Hash(bytes));
        Assert.Equal(new ShardId(shard), KeyHash.Shard(bytes, 1024, hashTags: false));
    }

    [Theory]
    [InlineData("{user}:name", "user")]
    [InlineData("x{a}{b}", "a")]
    [InlineData("{a{b}c", "a{b")]
    [InlineData("}{t}", "t")]
    public void A_hash_tag_is_what_the_first_braces_hold(string key, string tag)
    {
        Assert.Equal(Shard(tag, false), Shard(key, true));
        Assert.True(KeyHash.TryGetTag(Encoding.UTF8.GetBytes(key), out ReadOnlySpan<byte> found));
        Assert.Equal(tag, Encoding.UTF8.GetString(found));
    }

    [Theory]
    [InlineData("plain")]
    [InlineData("{}empty")]
    [InlineData("{open")]
    [InlineData("close}")]
    public void Without_a_tag_the_whole_key_is_hashed(string key) => Assert.Equal(Shard(key, false), Shard(key, true));

    [Fact]
    public void Growing_moves_a_bucket_only_to_the_new_one()
    {
        var random = new Prng(7);
        for (int i = 0; i < 2_000; i++)
        {
            ulong hash = random.NextUInt64();
            int buckets = random.NextInt(1, 2_000);
            int before = JumpHash.Bucket(hash, buckets);
            int after = JumpHash.Bucket(hash, buckets + 1);
            Assert.InRange(before, 0, buckets - 1);
            Assert.True(after == before || after == buckets);
        }
    }

    private static ShardId Shard(string key, bool hashTags) =>
        KeyHash.Shard(Encoding.UTF8.GetBytes(key), 1024, hashTags);
}
