using System.Globalization;
using System.Text.Json;
using Nori.Core;
using NoriKV.Placement;

namespace NoriKV.Conformance;

/// <summary>The client's hash against vectors that others made.</summary>
internal static class HashVectors
{
    public static void Check(string file)
    {
        using JsonDocument document = JsonDocument.Parse(File.ReadAllBytes(file));
        int[] counts = [.. document.RootElement.GetProperty("shard_counts").EnumerateArray().Select(c => c.GetInt32())];
        foreach (JsonElement vector in document.RootElement.GetProperty("vectors").EnumerateArray())
        {
            byte[] key = Convert.FromHexString(vector.GetProperty("key_hex").GetString()!);
            ulong hash = ulong.Parse(vector.GetProperty("xxh64").GetString()!, CultureInfo.InvariantCulture);
            if (XxHash64.Hash(key) != hash) throw new ExpectationException($"hash of {Convert.ToHexString(key)}");
            CheckShards(vector, key, counts, hashTags: false);
        }

        foreach (JsonElement vector in document.RootElement.GetProperty("hash_tags").EnumerateArray())
            CheckShards(vector, Convert.FromHexString(vector.GetProperty("key_hex").GetString()!), counts, hashTags: true);
    }

    private static void CheckShards(JsonElement vector, byte[] key, int[] counts, bool hashTags)
    {
        int[] expected = [.. vector.GetProperty("shards").EnumerateArray().Select(s => s.GetInt32())];
        for (int i = 0; i < counts.Length; i++)
        {
            if (KeyHash.Shard(key, counts[i], hashTags).Value != (uint)expected[i])
                throw new ExpectationException($"shard of {Convert.ToHexString(key)} of {counts[i]}");
        }
    }
}
