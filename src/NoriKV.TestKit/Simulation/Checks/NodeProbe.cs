using Nori.Core;
using NoriKV.Node;
using NoriKV.Node.Entries;
using NoriKV.Node.Log;
using NoriKV.Node.Machine;
using NoriKV.Node.Ports;
using NoriKV.Node.Replication;
using NoriKV.Types;
using Raft = Nori.Raft.Core;

namespace NoriKV.TestKit.Simulation.Checks;

/// <summary>Looks into the production node. One thread only.</summary>
internal sealed class NodeProbe(NoriNode node) : IReplicaProbe
{
    public ReplicaSight? Look(ShardId shard)
    {
        if (node.Host.Group(shard) is not { } group || node.Parts.Replicas[shard] is null) return null;
        Raft.RaftCore core = group.Core;
        // What waits for a peer's snapshot is not served, and must not stay so.
        bool isSetApart = node.Parts.Replicas.IsSetApart(shard);
        return new ReplicaSight(
            core.Role == Raft.RaftRole.Leader, core.Term.Value, core.Commit.Value, core.LastIndex.Value, core.DurableIndex.Value,
            node.Parts.Replicas.Applied(shard).Value, core.BaseIndex.Value + 1,
            core.IsDamaged || isSetApart, group.Replica.Value, isSetApart ? null : node.Parts.Replicas.Stopped(shard));
    }

    public bool TryReadEntry(ShardId shard, ulong index, out ulong term, out ulong hash)
    {
        hash = 0;
        term = 0;
        RaftGroup group = node.Host.Group(shard)!;
        if (!group.Core.TryGetTerm(new Raft.LogIndex(index), out Raft.Term known)) return false;
        term = known.Value;
        try
        {
            if (!group.TryGetEntry(index, term, out ReadOnlyMemory<byte> envelope)) return false;
            hash = XxHash64.Hash(envelope.Span);
            return true;
        }
        catch (IOException)
        {
            // The disk fails under the checker, too; the node will find that out for itself.
            return false;
        }
    }

    public bool IsDurable(ShardId shard, ulong index)
    {
        try
        {
            return node.Parts.Log.TryReadEntry(shard, new LogIndex(index), out LogEntry entry)
                && entry.Watermark <= node.Parts.Log.DurableWatermark;
        }
        catch (IOException)
        {
            // As above.
            return true;
        }
    }

    public Raft.Configuration? ReadConfiguration(ShardId shard, ulong index, ulong term)
    {
        try
        {
            return node.Host.Group(shard)!.TryGetEntry(index, term, out ReadOnlyMemory<byte> envelope)
                && EntryWriter.KindOf(envelope.Span) == EntryKind.Configuration
                && EntryReader.TryDecode(envelope, out DecodedEntry entry, out _)
                    ? ShardConfiguration.ToRaft(entry.Members)
                    : null;
        }
        catch (IOException)
        {
            return null;
        }
    }

    public (Raft.Configuration Configuration, ulong Index) ConfigurationOf(ShardId shard)
    {
        Raft.RaftCore core = node.Host.Group(shard)!.Core;
        return (core.Configuration, core.ConfigurationIndex.Value);
    }

    public ulong TombstoneOf(ShardId shard) => node.Host.TombstoneOf(shard).Value;

    public IReadOnlyList<ulong?> HashStates(IReadOnlyList<ShardId> shards)
    {
        ulong?[] hashes = new ulong?[shards.Count];
        // One walk for all of them, and another behind a place that cannot be read.
        for (int i = 0; i < hashes.Length; i++)
        {
            try
            {
                using IStorageView view = node.Parts.Storage.OpenView();
                using IStorageIterator entries = view.NewIterator(reverse: false);
                for (; i < hashes.Length; i++) hashes[i] = HashState(shards[i], entries);
            }
            catch (IOException)
            {
                // As above: the node will find that out for itself.
            }
        }

        return hashes;
    }

    private ulong? HashState(ShardId shard, IStorageIterator entries)
    {
        // What is published: the machine itself is ahead of its engine while that has no room for a batch.
        ReplicaTable replicas = node.Parts.Replicas;
        if (replicas.Stopped(shard) is not null) return null;
        uint slot = replicas.SlotOf(shard);
        long time = replicas.ShardTime(shard);
        ulong hash = replicas.Applied(shard).Value;
        entries.Seek(EngineKey.Create(slot, EngineKeyKind.User));
        while (entries.MoveNext() && EngineKey.SlotOf(entries.Key) == slot)
        {
            // Whether an expired pair is still there depends on compaction alone.
            if (entries.ExpiryUnixMs != 0 && entries.ExpiryUnixMs <= time) continue;
            hash = XxHash64.Hash(entries.Key[sizeof(uint)..], hash);
            hash = XxHash64.Hash(entries.Value, hash ^ (ulong)entries.ExpiryUnixMs);
        }

        return hash;
    }
}
