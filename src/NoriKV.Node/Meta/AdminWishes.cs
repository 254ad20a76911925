using NoriKV.Placement;
using NoriKV.Types;

namespace NoriKV.Node.Meta;

/// <summary>What an operator's wish means for the registry: the records to change, or why not. Pure.</summary>
internal static class AdminWishes
{
    /// <summary>Says who there is, so that a mistyped name is seen at once.</summary>
    public static KvError NoSuchNode(MetaState state, string node) =>
        new(KvCode.FailedPrecondition, $"Node {node} is not a member of this cluster; its members are "
            + string.Join(", ", state.Members.Select(static n => n.Name)));

    /// <param name="state">The registry.</param>
    /// <param name="name">Whom to empty.</param>
    /// <param name="factor">Replicas of each shard from now on; 0: as it is.</param>
    /// <param name="isLive">Who is heard now.</param>
    public static KvResult<IReadOnlyList<MetaChange>> Drain(
        MetaState state, string name, int factor, Func<NodeNumber, bool> isLive)
    {
        if (state.FindMember(name) is not { } node) return NoSuchNode(state, name);
        MetaSettings settings = state.Settings!;
        RegisteredNode[] others = [.. state.Nodes.Where(n => n.State == RegisteredState.Active && n.Number != node.Number)];
        int left = others.Length;
        // As many as the others can hold is what must be; the cluster is still meant to have more, and has them again once there are
        // nodes. Fewer than that is a choice.
        bool isChoice = factor > 0 && factor != PlacementPlanner.EffectiveReplicationFactor(settings.ReplicationFactor, left);
        int configured = isChoice ? factor : settings.ReplicationFactor;
        int effective = PlacementPlanner.EffectiveReplicationFactor(Math.Min(configured, settings.EffectiveFactor), left);
        if (left == 0)
        {
            return new KvError(
                KvCode.FailedPrecondition, $"Node {name} is the last one: there is nobody to take its replicas; add a node first");
        }

        if (factor == 0 && effective < settings.EffectiveFactor)
        {
            return new KvError(
                KvCode.FailedPrecondition,
                $"Draining {name} leaves {left} nodes, too few for {settings.EffectiveFactor} replicas; add a node, or say the "
                + $"new replication factor, at most {effective}: it rises again when there are nodes");
        }

        if (factor > 0 && (factor % 2 == 0 || factor > left))
        {
            return new KvError(
                KvCode.InvalidArgument,
                $"A replication factor of {factor} is not possible: it must be odd and at most {left}, as many as nodes are left");
        }

        string[] silent = [.. others.Where(n => !isLive(n.Number)).Select(static n => n.Name)];
        if (left - silent.Length < effective)
        {
            return new KvError(
                KvCode.FailedPrecondition,
                $"Draining {name} needs {effective} other nodes that are there, and {string.Join(", ", silent)} "
                + $"{(silent.Length == 1 ? "is" : "are")} silent: nobody could take its replicas; bring "
                + $"{(silent.Length == 1 ? "it" : "them")} back, or norikv cluster replace {silent[0]}");
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
        if (state.FindMember(name) is not { } node) return NoSuchNode(state, name);
        return node.State == RegisteredState.Active ? Array.Empty<MetaChange>() : [With(state, node, RegisteredState.Active)];
    }

    public static KvResult<IReadOnlyList<MetaChange>> Decommission(MetaState state, string name)
    {
        if (state.FindMember(name) is not { } node) return FulfilledOrNoSuchNode(state, name, RegisteredState.Decommissioned);
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

    /// <summary>
    /// Refused for a node that is there, and where it has the vote that a majority lacks: what such a shard holds could go
    /// nowhere.
    /// </summary>
    public static KvResult<IReadOnlyList<MetaChange>> Replace(MetaState state, string name, Func<NodeNumber, bool> isLive)
    {
        if (state.FindMember(name) is not { } node) return FulfilledOrNoSuchNode(state, name, RegisteredState.Replaced);
        if (isLive(node.Number))
        {
            return new KvError(
                KvCode.FailedPrecondition,
                $"Node {name} is there: replace is for one that will not come back; norikv cluster drain {name} empties it");
        }

        int lost = state.Shards.Count(s => s.On(node.Number).Id.Value != 0 && !HasMajority(s, isLive));
        if (lost > 0)
        {
            string[] silent = [.. state.Members.Where(n => !isLive(n.Number)).Select(static n => n.Name)];
            return new KvError(
                KvCode.FailedPrecondition,
                $"With {string.Join(", ", silent)} silent {lost} shards of {name} have no majority, so nothing can be moved: "
                + "bring one of them back; if they are lost for ever, stop the others and see norikv recover --help");
        }

        return Only(With(state, node, RegisteredState.Replaced));
    }

    /// <summary>Why a node cannot lead a shard; null where it can.</summary>
    public static KvError? WhyNotLead(MetaState state, ShardId shard, RegisteredNode target, Func<NodeNumber, bool> isLive)
    {
        MetaShard record = state.Shards[(int)shard.Value];
        if (record.On(target.Number) is not { Id.Value: not 0, Role: MetaRole.Voter or MetaRole.Leaving })
        {
            IEnumerable<string> voters = record.Replicas.Where(static r => r.Role == MetaRole.Voter)
                .Select(r => state.Find(r.Node)?.Name ?? $"node {r.Node}");
            return new KvError(
                KvCode.FailedPrecondition,
                $"Node {target.Name} has no vote in shard {shard}; those that have: {string.Join(", ", voters)}");
        }

        return isLive(target.Number) ? null : new KvError(KvCode.FailedPrecondition, $"Node {target.Name} is silent");
    }

    public static KvResult<IReadOnlyList<MetaChange>> MoveReplica(
        MetaState state, ShardId shard, string source, string target, Func<NodeNumber, bool> isLive)
    {
        if (shard.Value >= (uint)state.Shards.Count)
        {
            return new KvError(KvCode.InvalidArgument, $"Shard {shard} does not exist: there are {state.DataShards}");
        }

        if (state.FindMember(source) is not { } from) return NoSuchNode(state, source);
        if (state.FindMember(target) is not { } to) return NoSuchNode(state, target);
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

        if (!isLive(to.Number)) return new KvError(KvCode.FailedPrecondition, $"Node {target} is silent");

        int voters = record.Replicas.Count(static r => r.WillVote);
        ulong next = state.Counters.NextReplica;
        NodeNumber[] nodes = [.. record.Target.Select(n => n == from.Number ? to.Number : n)];
        MetaShard begun = MovePlanner.Begin(record, nodes, voters, isLive, ref next)!;
        return new MetaChange[]
        {
            new(MetaRecords.ShardKey(shard), MetaRecords.Encode(begun), state.ShardVersions[(int)shard.Value]),
            new(MetaRecords.CountersKey, MetaRecords.Encode(state.Counters with { NextReplica = next }), state.CountersVersion),
        };
    }

    // Who asks again, because the answer was lost, is told what became of the wish, and not that there is no such node.
    private static KvResult<IReadOnlyList<MetaChange>> FulfilledOrNoSuchNode(MetaState state, string name, RegisteredState wish)
    {
        if (state.Nodes.LastOrDefault(n => n.Name == name)?.State == wish) return Array.Empty<MetaChange>();
        return NoSuchNode(state, name);
    }

    private static bool HasMajority(MetaShard shard, Func<NodeNumber, bool> isLive)
    {
        NodeNumber[] voters =
            [.. shard.Replicas.Where(static r => r.Role is MetaRole.Voter or MetaRole.Leaving).Select(static r => r.Node)];
        return voters.Count(isLive) > voters.Length / 2;
    }

    private static MetaChange[] Only(MetaChange change) => [change];

    private static MetaChange With(MetaState state, RegisteredNode node, RegisteredState became) => new(
        MetaRecords.NodeKey(node.Number), MetaRecords.Encode(node with { State = became }), state.VersionOf(node.Number));
}
