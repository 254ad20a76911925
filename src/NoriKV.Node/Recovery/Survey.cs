using Nori.IO;
using NoriKV.Node.Directory;
using NoriKV.Node.Formation;
using NoriKV.Node.Log;
using NoriKV.Node.Machine;
using NoriKV.Node.Meta;
using NoriKV.Node.Replication;
using NoriKV.Types;

namespace NoriKV.Node.Recovery;

/// <summary>Looks at the directories that are left, opening each as a node would, on a draft: changes nothing of them.</summary>
internal static class Survey
{
    public static async Task<Survivor> LookAsync(IFileSystem files, string directory, TimeProvider time)
    {
        NodeIdentity identity = NodeDirectory.Look(files, directory)
            ?? throw new RecoveryException($"{directory} is no node's data directory: it has no identity");
        if (!files.FileExists(Path.Combine(directory, "engine", "CURRENT")))
            throw new RecoveryException($"{directory} has no engine of storage.engine lsm: only that can be recovered");
        ClusterRecord? cluster = ClusterRecord.Load(files, directory);
        (ClusterMap hint, _) = RegistryFile.Load(files, directory);
        var draft = new DraftFileSystem(files);
        var meta = new ShardId((uint)identity.TotalShards);
        var replicas = new List<SurvivingReplica>();
        NodeParts parts = await OpenAsync(draft, directory, identity, cluster, time).ConfigureAwait(false);
        try
        {
            replicas.AddRange(Replicas(parts, identity));
            CommitAll(parts, replicas.Find(r => r.Shard == meta));
        }
        finally
        {
            await CloseAsync(parts).ConfigureAwait(false);
        }

        MetaState? registry = null;
        if (replicas.Exists(r => r.Shard == meta && r.IsUsable))
        {
            parts = await OpenAsync(draft, directory, identity, cluster, time).ConfigureAwait(false);
            try
            {
                registry = new MetaStore(
                    meta, parts.Storage, parts.Replicas, static _ => null, null, time,
                    (long)new MachineOptions().IdempotencyRetention.TotalMilliseconds).Read();
            }
            finally
            {
                await CloseAsync(parts).ConfigureAwait(false);
            }
        }

        return new Survivor(files, directory, identity, cluster, hint, replicas, registry?.Settings is null ? null : registry);
    }

    /// <summary>Opens a directory as a node does at its start.</summary>
    public static async Task<NodeParts> OpenAsync(
        IFileSystem files, string directory, NodeIdentity identity, ClusterRecord? cluster, TimeProvider time)
    {
        var options = new NodeOptions
        {
            NodeName = identity.Name,
            DataDirectory = directory,
            FileSystem = files,
            TotalShards = identity.TotalShards,
            HashTags = identity.HashTags,
            RunLoops = false,
            // What is written here is little; what was written before keeps its size.
            LogSegmentBytes = 8 << 20,
            MemtableBytes = 8 << 20,
            BlockCacheBytes = 16 << 20,
            Time = time,
            // Of no cluster by name: an attempt that was cut off may have renamed part of it.
            Plan = new ClusterPlan
            {
                Self = identity.Node,
                ReplicationFactor = 1,
                Nodes = cluster?.Nodes ?? [new PlannedNode(identity.Node, identity.Name, "")],
                Replicas = cluster?.ToPlan().Replicas ?? (static _ => []),
            },
        };
        try
        {
            return await new NodeStarter(options).OpenAsync(CancellationToken.None).ConfigureAwait(false);
        }
        catch (DirectoryLockedException)
        {
            throw new RecoveryException($"{directory} is in use: stop the node first");
        }
        catch (NodeStartException refused)
        {
            throw new RecoveryException(refused.Message);
        }
    }

    public static async Task CloseAsync(NodeParts parts)
    {
        try
        {
            await parts.Storage.DisposeAsync().ConfigureAwait(false);
        }
        finally
        {
            parts.Log.Close();
            parts.Directory.Dispose();
        }
    }

    private static IEnumerable<SurvivingReplica> Replicas(NodeParts parts, NodeIdentity identity)
    {
        Dictionary<ShardId, GroupStart> starts = parts.Groups.ToDictionary(static g => g.Shard);
        for (uint i = 0; i <= (uint)identity.TotalShards; i++)
        {
            if (parts.Replicas[new ShardId(i)] is not { } machine) continue;
            ShardState state = machine.State;
            GroupState? held = parts.Log.StateOf(state.Shard, state.Replica);
            HardState hard = held?.HardState ?? default;
            IReadOnlyList<ConfigurationMember> members = state.Configuration;
            if (starts.TryGetValue(state.Shard, out GroupStart? start) && start.State.Configurations.Count > 0)
            {
                var nodes = start.Members.ToLookup(static m => m.Replica, static m => m.Node);
                members = ShardConfiguration.FromRaft(start.State.Configurations[^1].Configuration, id => nodes[id].LastOrDefault());
            }

            yield return new SurvivingReplica(
                state.Shard, state.Replica, identity.Node, held?.LastIndex ?? state.Applied, held?.LastTerm ?? state.AppliedTerm,
                new Term(Math.Max(hard.Term.Value, Math.Max((held?.LastTerm ?? default).Value, state.AppliedTerm.Value))),
                new LogIndex(Math.Max(hard.Commit.Value, state.Applied.Value)), state.Applied, held?.Damage ?? LogDamage.None, members,
                start?.LastStamp ?? state.ShardTime);
        }
    }

    // So that the next opening, of the draft, applies all that the log holds of the meta group.
    private static void CommitAll(NodeParts parts, SurvivingReplica? meta)
    {
        if (meta is not { IsUsable: true }) return;
        using var batch = new SharedLogBatch();
        batch.HardState(meta.Shard, meta.Replica, meta.Term, default, meta.LastIndex);
        parts.Log.Write(batch);
        parts.Log.Sync();
    }
}
