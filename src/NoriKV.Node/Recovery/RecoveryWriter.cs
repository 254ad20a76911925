using Nori.IO;
using NoriKV.Node.Directory;
using NoriKV.Node.Entries;
using NoriKV.Node.Formation;
using NoriKV.Node.Log;
using NoriKV.Node.Machine;
using NoriKV.Node.Meta;
using NoriKV.Node.Peers;
using NoriKV.Types;

namespace NoriKV.Node.Recovery;

/// <summary>
/// Carries a plan out. First every directory gets the new cluster's name, then every log the new memberships: a crash in between
/// leaves nodes that belong to no cluster that anybody serves, and the same command goes on (docs/decisions/0160).
/// </summary>
internal sealed class RecoveryWriter(RecoveryPlan plan, TimeProvider time)
{
    /// <summary>A batch is closed behind so much: the log bounds what is written at once.</summary>
    private const int BatchBytes = 1 << 20;

    public async Task RunAsync()
    {
        foreach (Survivor survivor in plan.Found) Rename(survivor);
        foreach (Survivor survivor in plan.Found) await WriteAsync(survivor).ConfigureAwait(false);
    }

    /// <summary>From here on nobody of the old cluster talks with it. Not yet anything that could be served.</summary>
    private void Rename(Survivor survivor)
    {
        (IFileSystem files, string directory) = (survivor.Files, survivor.Directory);
        using IDisposable directoryLock = Lock(files, directory);
        NodeDirectory.Replace(files, directory, survivor.Identity with
        {
            ClusterId = plan.NewCluster, BootEpoch = survivor.Identity.BootEpoch + 1,
        });
        if (survivor.Cluster is { } cluster)
        {
            (cluster with
            {
                ClusterId = plan.NewCluster,
                // Where shards began is no more where they are.
                Founding = null,
                Nodes = [.. plan.Nodes.Where(static n => n.IsMember).OrderBy(static n => n.Number).Select(static n =>
                    new PlannedNode(n.Number, n.Name, n.Address) { Zone = n.Zone, StoreUuid = n.StoreUuid })],
            }).Save(files, directory);
        }

        // A map of the old cluster would be taken for newer than any of the new one; and the survivors meet anew, whatever they kept.
        foreach (string name in new[] { RegistryFile.FileName, PeerMemory.FileName })
        {
            string path = Path.Combine(directory, name);
            if (files.FileExists(path)) files.Delete(path);
        }

        files.SyncDirectory(directory);
    }

    private async Task WriteAsync(Survivor survivor)
    {
        NodeIdentity identity = survivor.Identity with { ClusterId = plan.NewCluster };
        NodeParts parts = await Survey.OpenAsync(survivor.Files, survivor.Directory, identity, survivor.Cluster, time)
            .ConfigureAwait(false);
        try
        {
            using var batch = new SharedLogBatch();
            // The meta group is the last one: it names the replicas that are there then.
            foreach (ShardRecovery shard in plan.Shards.Where(s => s.Node == identity.Name))
            {
                Add(batch, parts, shard, survivor);
                if (batch.Bytes < BatchBytes) continue;
                parts.Log.Write(batch);
                batch.Clear();
            }

            parts.Log.Write(batch);
            parts.Log.Sync();
        }
        finally
        {
            await Survey.CloseAsync(parts).ConfigureAwait(false);
        }
    }

    /// <summary>The replica is the only member from its next entry on, and everything in its log is committed.</summary>
    private void Add(SharedLogBatch batch, NodeParts parts, ShardRecovery shard, Survivor survivor)
    {
        bool isMeta = shard.Shard.Value == (uint)survivor.Identity.TotalShards;
        long stamp = Math.Max(
            time.GetUtcNow().ToUnixTimeMilliseconds(),
            survivor.Replicas.FirstOrDefault(r => r.Shard == shard.Shard)?.LastStamp ?? 0);
        if (shard.Verdict == ShardVerdict.Gone)
        {
            // What is here of it and cannot be used makes room; its id never comes back.
            if (parts.Log.GroupState(shard.Shard) is { IsClean: false } left) batch.Clean(shard.Shard, left.Replica);
        }
        else if ((parts.Log.StateOf(shard.Shard, shard.Replica)?.LastIndex ?? parts.Replicas.Applied(shard.Shard)) != shard.LastIndex)
        {
            throw new RecoveryException($"{survivor.Directory} has changed since it was looked at: begin again");
        }

        LogIndex last = shard.LastIndex.Next;
        batch.Append(shard.Shard, shard.Replica, last, shard.NewTerm, Stamped(
            EntryWriter.EncodeConfiguration([new ConfigurationMember(shard.Replica, survivor.Identity.Node)]), stamp));
        if (isMeta)
        {
            last = last.Next;
            batch.Append(shard.Shard, shard.Replica, last, shard.NewTerm, Stamped(
                EntryWriter.Encode(EntrySession.None, [.. plan.Registry]), stamp));
        }

        // A mark of damage goes with it: what was lost nobody has.
        batch.AddMark(0, shard.Shard, shard.Replica, new HardState(shard.NewTerm, shard.Replica, last), default);
    }

    private static byte[] Stamped(byte[] envelope, long stamp)
    {
        EntryWriter.Stamp(envelope, stamp);
        return envelope;
    }

    private static IDisposable Lock(IFileSystem files, string directory)
    {
        try
        {
            return files.LockDirectory(directory);
        }
        catch (DirectoryLockedException)
        {
            throw new RecoveryException($"{directory} is in use: stop the node first");
        }
    }
}
