using System.Text;
using NoriKV.Placement;
using NoriKV.Types;

namespace NoriKV.TestKit.Simulation.Workloads;

/// <summary>The few keys that all clients fight over, and which of them share a shard.</summary>
internal sealed class KeySpace
{
    private readonly int _shards;

    public KeySpace(int keys, int shards)
    {
        _shards = shards;
        Plain = [.. Enumerable.Range(0, keys).Select(i => $"k{i}")];
        Expiring = [.. Enumerable.Range(0, Math.Max(1, keys / 5)).Select(i => $"ttl{i}")];
        Groups =
        [
            .. Plain.GroupBy(k => ShardOf(k).Value)
                .Where(g => g.Count() > 1)
                .OrderBy(g => g.Key)
                .Select(g => g.ToArray()),
        ];
    }

    /// <summary>Keys whose values never expire.</summary>
    public IReadOnlyList<string> Plain { get; }

    /// <summary>Keys whose values do: judged apart, because when exactly is not known.</summary>
    public IReadOnlyList<string> Expiring { get; }

    /// <summary>Plain keys that share a shard, two and more.</summary>
    public IReadOnlyList<string[]> Groups { get; }

    public ShardId ShardOf(string key) => KeyHash.Shard(Encoding.UTF8.GetBytes(key), _shards, hashTags: false);
}
