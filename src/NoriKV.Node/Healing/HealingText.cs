using Nori.IO;
using NoriKV.Types;

namespace NoriKV.Node.Healing;

/// <summary>What is said of replicas whose tables cannot be read.</summary>
internal static class HealingText
{
    public static string SetApart(ShardId shard, CorruptionException damage) =>
        $"Shard {shard} is not served here until a peer has sent it: {damage.Message}";

    public static string Lost(ShardId shard, string engine) =>
        $"Shard {shard} is not served here until a peer has sent it: what {engine} held of it cannot be read, its log is whole";

    public static string Alone(ShardId shard, string what) =>
        $"Shard {shard} has its only copy here, and a part of it cannot be read: {what}. Keys outside of that are served; restore "
        + "the rest from a backup";

    public static string AloneStopped(ShardId shard, string what) =>
        $"Shard {shard} has its only copy here and is not served: {what}. Restore it from a backup";
}
