using Nori.Core;
using NoriKV.Types;

namespace NoriKV.Placement;

/// <summary>Key to shard: jump_consistent_hash(xxhash64(key, seed 0), total_shards). Fixed and public.</summary>
public static class KeyHash
{
    /// <summary>The most shards a cluster has.</summary>
    public const int TotalShardsMax = 65_536;

    /// <summary>The shard of a key.</summary>
    /// <param name="key">The whole key.</param>
    /// <param name="totalShards">Fixed at formation; 1 to 65,536.</param>
    /// <param name="hashTags">Hash only the bytes inside the first {}, where there are any.</param>
    public static ShardId Shard(ReadOnlySpan<byte> key, int totalShards, bool hashTags)
    {
        if (hashTags && TryGetTag(key, out ReadOnlySpan<byte> tag)) key = tag;
        return new ShardId((uint)JumpHash.Bucket(XxHash64.Hash(key), totalShards));
    }

    /// <summary>
    /// The bytes between the first '{' and the first '}' behind it. False where there is no such pair or nothing inside
    /// it: then the whole key is hashed.
    /// </summary>
    public static bool TryGetTag(ReadOnlySpan<byte> key, out ReadOnlySpan<byte> tag)
    {
        tag = default;
        int open = key.IndexOf((byte)'{');
        if (open < 0) return false;
        int length = key[(open + 1)..].IndexOf((byte)'}');
        if (length <= 0) return false;
        tag = key.Slice(open + 1, length);
        return true;
    }
}
