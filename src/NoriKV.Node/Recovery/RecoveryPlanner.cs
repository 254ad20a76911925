using System.Security.Cryptography;
using NoriKV.Node.Entries;
using NoriKV.Node.Log;
using NoriKV.Node.Machine;
using NoriKV.Node.Meta;
using NoriKV.Node.Peers;
using NoriKV.Types;

namespace NoriKV.Node.Recovery;

/// <summary>From what is left to what shall be (docs/decisions/0160). Pure.</summary>
internal static class RecoveryPlanner
{
    /// <summary>Terms that are skipped: no node of the old cluster has seen so many behind the survivors' last one.</summary>
    private const ulong TermsSkipped = 1 << 20;

    /// <summary>The same for replica ids and views' epochs, which the lost ones may have given out.</summary>
    private const ulong IdsSkipped = 1 << 20;

    /// <exception cref="RecoveryException">There is nothing to recover, or it would be wrong to.</exception>
    public static RecoveryPlan Make(IReadOnlyList<Survivor> found)
    {
        Survivor[] survivors = [.. found.OrderBy(static s => s.Identity.Node)];
        Guid old = OldClusterOf(survivors);
        MetaState registry = RegistryOf(survivors);
        int total = survivors[0].Identity.TotalShards;
        ulong highest = survivors.SelectMany(static s => s.Replicas).Select(static r => r.Term.Value).DefaultIfEmpty().Max();
        ulong nextReplica = Math.Max(
            registry.Counters.NextReplica,
            survivors.Max(static s => Math.Max(
                s.Hint.NextReplica, s.Replicas.Select(static r => r.Replica.Value + 1).DefaultIfEmpty().Max())));
        nextReplica += IdsSkipped;
        var shards = new List<ShardRecovery>();
        for (uint i = 0; i <= (uint)total; i++)
            shards.Add(ShardOf(new ShardId(i), survivors, registry, highest, ref nextReplica));
        if (shards.TrueForAll(static s => s.Verdict == ShardVerdict.Whole))
        {
            throw new RecoveryException(
                "A majority of every shard and of the meta group is here: nothing is to be recovered. Start these nodes");
        }

        if (registry.Settings is null)
        {
            throw new RecoveryException(
                "No copy of the meta group is in these directories, and no map of the cluster: give the directory of a node that has one");
        }

        Guid now = Derive(old, survivors);
        RegisteredNode[] nodes = [.. Nodes(registry, survivors)];
        return new RecoveryPlan
        {
            OldCluster = old,
            NewCluster = now,
            Survivors = [.. survivors.Select(static s => (s.Identity.Name, s.Directory))],
            Lost = [.. registry.Members.Where(n => !IsHere(n, survivors)).Select(static n => (n.Name, n.Address))],
            Shards = shards,
            Registry = Operations(registry, now, nodes, shards, survivors, nextReplica),
            Found = survivors,
            Nodes = nodes,
        };
    }

    private static bool IsHere(RegisteredNode node, Survivor[] survivors) =>
        Array.Exists(survivors, s => s.Identity.Node == node.Number);

    /// <summary>
    /// The cluster they are of. One that an attempt, cut off, renamed already is told by its name, which follows from the old
    /// one and from who survives.
    /// </summary>
    private static Guid OldClusterOf(Survivor[] survivors)
    {
        Guid[] ids = [.. survivors.Select(static s => s.Identity.ClusterId).Distinct()];
        if (survivors.Select(static s => s.Identity.Node).Distinct().Count() < survivors.Length)
            throw new RecoveryException("Two of the directories are the same node's: give each once");
        if (ids.Length == 1) return ids[0];
        foreach (Guid id in ids)
        {
            if (ids.Length == 2 && Derive(id, survivors) == ids.First(other => other != id)) return id;
        }

        IEnumerable<string> whose = survivors.Select(static s => $"{s.Directory} to {s.Identity.ClusterId}");
        throw new RecoveryException($"The directories belong to different clusters: {string.Join(", ", whose)}");
    }

    private static Guid Derive(Guid old, Survivor[] survivors)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData("norikv quorum recovery"u8);
        hash.AppendData(old.ToByteArray(bigEndian: true));
        foreach (Guid store in survivors.Select(static s => s.Identity.StoreUuid).Order())
            hash.AppendData(store.ToByteArray(bigEndian: true));
        Span<byte> id = hash.GetHashAndReset().AsSpan(0, 16);
        id[6] = (byte)((id[6] & 0x0F) | 0x80);
        id[8] = (byte)((id[8] & 0x3F) | 0x80);
        return new Guid(id, bigEndian: true);
    }

    /// <summary>
    /// The newest registry that is left; where no copy of the meta group is, the newest map that a node heard of;
    /// empty where there is neither.
    /// </summary>
    private static MetaState RegistryOf(Survivor[] survivors)
    {
        Survivor? best = survivors.Where(static s => s.Registry is not null).MaxBy(static s => s.Registry!.Revision);
        if (best is not null) return best.Registry!;
        Survivor known = survivors.MaxBy(static s => s.Hint.Revision)!;
        if (known.Hint.Revision == 0) return MetaState.Empty;
        NoriKV.Node.Directory.NodeIdentity identity = known.Identity;
        int factor = known.Cluster?.Settings.ReplicationFactor ?? 3;
        return MetaState.Empty with
        {
            Settings = new MetaSettings(identity.ClusterId, identity.TotalShards, identity.HashTags, factor, 1, 1, PeerProtocol.Max),
            Counters = new MetaCounters(known.Hint.Nodes.Max(static n => n.Number.Value) + 1, known.Hint.NextReplica, IdsSkipped),
            Nodes = known.Hint.Nodes,
        };
    }

    private static ShardRecovery ShardOf(
        ShardId shard, Survivor[] survivors, MetaState registry, ulong highestTerm, ref ulong nextReplica)
    {
        SurvivingReplica? best = survivors.SelectMany(static s => s.Replicas)
            .Where(r => r.Shard == shard && r.IsUsable)
            .OrderBy(static r => r.Damage == LogDamage.None ? 0 : 1)
            .ThenByDescending(static r => r.LastTerm.Value).ThenByDescending(static r => r.LastIndex.Value)
            .ThenBy(static r => r.Node.Value)
            .FirstOrDefault();
        if (best is null)
        {
            // It begins empty, far above everything: no version of it was ever given.
            return new ShardRecovery(
                shard, ShardVerdict.Gone, survivors[0].Identity.Name, new ReplicaId(nextReplica++), default, default, default, [], [],
                false, new Term(highestTerm + TermsSkipped));
        }

        ulong term = survivors.SelectMany(static s => s.Replicas).Where(r => r.Shard == shard).Max(static r => r.Term.Value);
        bool IsHeld(ConfigurationMember member) => survivors.Any(s => s.Replicas.Any(r =>
            r.Shard == shard && r.Replica == member.Replica && r.Damage == LogDamage.None));
        ConfigurationMember[] voters = [.. best.Members.Where(static m => IsVoter(m))];
        bool isWhole = HasMajority(best.Members, MemberRole.Voter, IsHeld) && HasMajority(best.Members, MemberRole.Outgoing, IsHeld);
        return new ShardRecovery(
            shard, isWhole ? ShardVerdict.Whole : ShardVerdict.Partial,
            survivors.First(s => s.Identity.Node == best.Node).Identity.Name, best.Replica, best.LastIndex, best.LastTerm, best.Commit,
            Names(voters, registry, survivors), Names([.. voters.Where(IsHeld)], registry, survivors), best.Damage != LogDamage.None,
            new Term(term + TermsSkipped));
    }

    private static bool IsVoter(ConfigurationMember member) => (member.Role & (MemberRole.Voter | MemberRole.Outgoing)) != 0;

    private static bool HasMajority(
        IReadOnlyList<ConfigurationMember> members, MemberRole role, Func<ConfigurationMember, bool> isHeld)
    {
        ConfigurationMember[] half = [.. members.Where(m => (m.Role & role) != 0)];
        // No outgoing half: there is no joint configuration. No voter at all: nothing is known of it.
        return half.Length == 0 ? role == MemberRole.Outgoing : half.Count(isHeld) > half.Length / 2;
    }

    private static string[] Names(ConfigurationMember[] members, MetaState registry, Survivor[] survivors) =>
        [.. members.Select(m => registry.Find(m.Node)?.Name
            ?? survivors.FirstOrDefault(s => s.Identity.Node == m.Node)?.Identity.Name ?? $"node {m.Node}")];

    /// <summary>
    /// Survivors stay what they were; the lost are given up, so that their names are free and their numbers never used again.
    /// </summary>
    private static IEnumerable<RegisteredNode> Nodes(MetaState registry, Survivor[] survivors)
    {
        foreach (RegisteredNode node in registry.Nodes)
        {
            if (Array.Find(survivors, s => s.Identity.Node == node.Number) is { } here)
                yield return node with { StoreUuid = here.Identity.StoreUuid, State = node.IsMember ? node.State : RegisteredState.Active };
            else
                yield return node.IsMember ? node with { State = RegisteredState.Replaced } : node;
        }

        foreach (Survivor survivor in survivors)
        {
            if (registry.Find(survivor.Identity.Node) is not null) continue;
            yield return new RegisteredNode(
                survivor.Identity.Node, survivor.Identity.Name, survivor.Identity.StoreUuid, "", "", RegisteredState.Active, 0);
        }
    }

    private static EntryOperation[] Operations(
        MetaState registry, Guid cluster, RegisteredNode[] nodes, List<ShardRecovery> shards, Survivor[] survivors, ulong nextReplica)
    {
        MetaSettings settings = registry.Settings! with { ClusterId = cluster, EffectiveFactor = 1, MetaFactor = 1 };
        var counters = new MetaCounters(
            Math.Max(registry.Counters.NextNode, nodes.Max(static n => n.Number.Value) + 1), nextReplica,
            registry.Counters.ViewEpochs + IdsSkipped);
        Dictionary<string, NodeNumber> numbers = survivors.ToDictionary(static s => s.Identity.Name, static s => s.Identity.Node);
        return
        [
            Put(MetaRecords.SettingsKey, MetaRecords.Encode(settings)),
            Put(MetaRecords.CountersKey, MetaRecords.Encode(counters)),
            .. nodes.OrderBy(static n => n.Number).Select(static n => Put(MetaRecords.NodeKey(n.Number), MetaRecords.Encode(n))),
            .. shards.Select(s => Put(
                MetaRecords.ShardKey(s.Shard),
                MetaRecords.Encode(new MetaShard(s.Shard, [new MetaReplica(s.Replica, numbers[s.Node], MetaRole.Voter)])))),
        ];
    }

    private static EntryOperation Put(byte[] key, byte[] value) => new(OperationKind.Put, key, value, 0, null, false);
}
