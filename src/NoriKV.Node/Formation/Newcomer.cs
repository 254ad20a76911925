using Nori.Core;
using Nori.IO;
using NoriKV.Node.Meta;

namespace NoriKV.Node.Formation;

/// <summary>What an empty node that joins a cluster keeps: its store's uuid before it asks, its place behind the answer.</summary>
public static class Newcomer
{
    /// <summary>The store's uuid, drawn once: asking again after a crash is joining once.</summary>
    public static Guid StoreUuidOf(IFileSystem files, string directory, Prng random)
    {
        ArgumentNullException.ThrowIfNull(files);
        if (FormationFile.Load(files, directory) is { } known) return known.StoreUuid;
        files.CreateDirectory(directory);
        var file = new FormationFile(Guids.New(random), null);
        file.Save(files, directory);
        return file.StoreUuid;
    }

    /// <summary>The proposal that this directory accepted and knows no end of; null for none.</summary>
    public static FormationProposal? AcceptedBy(IFileSystem files, string directory) =>
        FormationFile.Load(files, directory)?.Accepted;

    /// <summary>Keeps the place that a cluster gave this node; durable when it returns.</summary>
    public static ClusterRecord Keep(IFileSystem files, string directory, JoinReply reply, Guid storeUuid)
    {
        Invariant.Assert(reply.Refusal is null);
        var record = new ClusterRecord
        {
            ClusterId = reply.ClusterId,
            Self = reply.Number,
            Settings = new FormationSettings(reply.TotalShards, reply.HashTags, reply.ReplicationFactor),
            Nodes = [.. reply.Nodes.Select(n => n.Number == reply.Number ? n with { StoreUuid = storeUuid } : n)],
        };
        record.Save(files, directory);
        return record;
    }
}
