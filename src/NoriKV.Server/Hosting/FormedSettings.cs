using Nori.IO;
using NoriKV.Node.Directory;
using NoriKV.Node.Formation;

namespace NoriKV.Server;

/// <summary>What a cluster was formed with counts, whatever a member is configured with; where they differ, that is said.</summary>
internal static class FormedSettings
{
    /// <summary>The options that are in effect on a directory: of one that has a cluster, with the settings of that.</summary>
    public static ServerOptions InEffect(ServerOptions options, ServerParts parts)
    {
        if (Known(options, parts.FileSystem) is not { } formed) return options;
        Warn(formed, options, parts.Log);
        return options with { TotalShards = formed.TotalShards, HashTags = formed.HashTags };
    }

    /// <summary>Warns of each configured setting that does not count.</summary>
    public static void Warn(FormationSettings formed, ServerOptions options, ServerLog log)
    {
        Compare("total_shards", formed.TotalShards, options.TotalShards);
        Compare("hash_tags", formed.HashTags, options.HashTags);
        if (formed.ReplicationFactor == options.ReplicationFactor) return;
        // A drain may have changed it since.
        log.Warning(
            "cluster",
            "replication_factor counts when a cluster is formed, the configured one is ignored; norikv cluster status shows the cluster's",
            ("formed", formed.ReplicationFactor),
            ("configured", options.ReplicationFactor));

        void Compare<T>(string key, T counts, T configured)
        {
            if (Equals(counts, configured)) return;
            log.Warning("cluster", $"{key} is the cluster's, the configured one is ignored", (key, counts), ("configured", configured));
        }
    }

    // A node that was alone so far has no record of its cluster; how often it copies is in its registry alone, and other hash_tags
    // stop it with an error that says so.
    private static FormationSettings? Known(ServerOptions options, IFileSystem files)
    {
        try
        {
            if (ClusterRecord.Load(files, options.DataDirectory) is { } record) return record.Settings;
            return DataDirectory.TotalShardsOf(files, options.DataDirectory) is { } shards
                ? new FormationSettings(shards, options.HashTags, options.ReplicationFactor)
                : null;
        }
        catch (Exception failure) when (failure is IOException or CorruptionException or UnauthorizedAccessException)
        {
            return null; // Told when the directory is opened.
        }
    }
}
