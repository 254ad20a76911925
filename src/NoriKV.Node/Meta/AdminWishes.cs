using NoriKV.Placement;
using NoriKV.Types;

namespace NoriKV.Node.Meta;

/// <summary>What an operator's wish means for the registry: the records to change, or why not. Pure.</summary>
internal static class AdminWishes
{
    public static KvError NoSuchNode(string node) =>
        new(KvCode.FailedPrecondition, $"Node {node} is not a member of this cluster");

    public static KvResult<IReadOnlyList<MetaChange>> Drain(MetaState state, string name, int factor)
    {
        if (state.FindMember(name) is not { } node) return NoSuchNode(name);
        MetaSettings settings = state.Settings!;
        int left = state.Nodes.Count(n => n.State == RegisteredState.Active && n.Number != node.Number);
        int configured = factor > 0 ? factor : settings.ReplicationFactor;
        int effective = PlacementPlanner.EffectiveReplicationFactor(Math.Min(configured, settings.EffectiveFactor), left);
        if (left == 0) return new KvError(KvCode.FailedPrecondition, $"Node {name} is the last one");
        if (factor == 0 && effective < settings.EffectiveFactor)
        {
            return new KvError(
                KvCode.FailedPrecondition,
                $"Draining {name} leaves {left} nodes, too few for {settings.EffectiveFactor} replicas; add a node, or say the "
                + $"new replication factor, at most {effective}");
        }

        if (factor > 0 && (factor % 2 == 0 || factor > left))
        {
            return new KvError(
                KvCode.InvalidArgument, $"A replication factor of {factor} does not go with {left} nodes: an odd one, not above");
        }

        int meta = PlacementPlanner.EffectiveReplicationFactor(settings.MetaFactor, left);
        var changes = new List<MetaChange>();
        MetaSettings changed = settings with
        {
            ReplicationFactor = configured, EffectiveFactor = effective, MetaFactor = meta,
        };
        if (changed != settings)
        {
            changes.Add(new MetaChange(MetaRecords.SettingsKey, MetaRecords.Encode(changed), state.SettingsVersion));
        }

        if (node.State != RegisteredState.Draining) changes.Add(With(state, node, RegisteredState.Draining));
        return changes;
    }

    public static KvResult<IReadOnlyList<MetaChange>> Undrain(MetaState state, string name)
    {
        if (state.FindMember(name) is not { } node) return NoSuchNode(name);
        return node.State == RegisteredState.Active ? Array.Empty<MetaChange>() : [With(state, node, RegisteredState.Active)];
    }

    public static KvResult<IReadOnlyList<MetaChange>> Decommission(MetaState state, string name)
    {
        if (state.FindMember(name) is not { } node) return NoSuchNode(name);
        int held = state.Shards.Count(s => s.On(node.Number).Id.Value != 0);
        if (node.State != RegisteredState.Draining || held > 0)
        {
            return new KvError(
                KvCode.FailedPrecondition,
                node.State == RegisteredState.Draining
                    ? $"Node {name} still holds {held} replicas: wait until it is drained"
                    : $"Node {name} is not drained: norikv cluster drain {name}");
        }

        return Only(With(state, node, RegisteredState.Decommissioned));
    }

    public static KvResult<IReadOnlyList<MetaChange>> Replace(MetaState state, string name)
    {
        if (state.FindMember(name) is not { } node) return NoSuchNode(name);
        return Only(With(state, node, RegisteredState.Replaced));
    }

    public static KvResult<IReadOnlyList<MetaChange>> MoveReplica(MetaState state, ShardId shard, string source, string target)
    {
        if (shard.Value >= (uint)state.Shards.Count) return new KvError(KvCode.InvalidArgument, $"Shard {shard} does not exist");
        if (state.FindMember(source) is not { } from) return NoSuchNode(source);
        if (state.FindMember(target) is not { } to) return NoSuchNode(target);
        MetaShard record = state.Shards[(int)shard.Value];
        if (record.IsMoving) return new KvError(KvCode.FailedPrecondition, $"Shard {shard} is moving: {record.MoveText}");
        if (record.On(from.Number).Id.Value == 0)
        {
            return new KvError(KvCode.FailedPrecondition, $"Node {source} holds no replica of shard {shard}");
        }

        if (record.On(to.Number).Id.Value != 0 || to.State != RegisteredState.Active)
        {
            return new KvError(KvCode.FailedPrecondition, $"Node {target} holds shard {shard} already, or takes no replicas");
        }

        int voters = record.Replicas.Count(static r => r.WillVote);
        ulong next = state.Counters.NextReplica;
        NodeNumber[] nodes = [.. record.Target.Select(n => n == from.Number ? to.Number : n)];
        MetaShard begun = MovePlanner.Begin(record, nodes, voters, ref next)!;
        return new MetaChange[]
        {
            new(MetaRecords.ShardKey(shard), MetaRecords.Encode(begun), state.ShardVersions[(int)shard.Value]),
            new(MetaRecords.CountersKey, MetaRecords.Encode(state.Counters with { NextReplica = next }), state.CountersVersion),
        };
    }

    private static MetaChange[] Only(MetaChange change) => [change];

    private static MetaChange With(MetaState state, RegisteredNode node, RegisteredState became) => new(
        MetaRecords.NodeKey(node.Number), MetaRecords.Encode(node with { State = became }), state.VersionOf(node.Number));
}
