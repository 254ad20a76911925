using NoriKV.Types;

namespace NoriKV.Node.Diagnosis;

/// <summary>What the reports together show of the shards. Pure.</summary>
internal static class ShardFindings
{
    public static IEnumerable<Finding> Of(DiagnosisInput input)
    {
        var places = new ReplicaPlaces(input);
        return Quorums(input, places).Concat(Voters(input, places)).Concat(Lags(input, places));
    }

    /// <summary>Shards that cannot serve, by why: those that lack the same nodes are one finding.</summary>
    private static IEnumerable<Finding> Quorums(DiagnosisInput input, ReplicaPlaces places)
    {
        var lost = new SortedDictionary<string, (NodeNumber[] Missing, List<ShardId> Shards)>(StringComparer.Ordinal);
        var leaderless = new List<ShardId>();
        for (uint i = 0; i < (uint)input.Map.Shards.Count; i++)
        {
            var shard = new ShardId(i);
            NodeNumber[] voters = places.Voters(shard);
            if (voters.Length == 0 || places.LeaderOf(shard) is not null) continue;
            NodeNumber[] missing = [.. voters.Where(v => !places.Takes(shard, v))];
            if (voters.Length - missing.Length > voters.Length / 2)
            {
                leaderless.Add(shard);
                continue;
            }

            string key = string.Join(",", missing);
            if (!lost.TryGetValue(key, out (NodeNumber[] Missing, List<ShardId> Shards) group)) lost[key] = group = (missing, []);
            group.Shards.Add(shard);
        }

        foreach ((NodeNumber[] missing, List<ShardId> shards) in lost.Values)
        {
            int voters = places.Voters(shards[0]).Length;
            string names = input.NamesOf(missing);
            yield return new Finding(
                FindingIds.NoQuorum, FindingSeverity.Critical, "",
                $"{Title(shards, input.MetaShard)} no majority: writes and linearizable reads wait",
                $"{FindingWords.Shards(shards, input.MetaShard)}: {(voters / 2) + 1} of {voters} voters must take part, "
                + $"and those on {names} do not",
                $"Bring {(missing.Length == 1 ? names : $"one of {names}")} back: start its process on its data directory, mend its disk "
                + "or network. If the data is lost for ever: norikv recover --help");
        }

        if (leaderless.Remove(input.MetaShard) || lost.Values.Any(g => g.Shards.Contains(input.MetaShard)))
        {
            yield return new Finding(
                FindingIds.NoMetaLeader, FindingSeverity.Critical, "",
                "Nobody leads the meta group: no node joins, nothing is moved, views stand still; keys are served all the same",
                $"its voters are on {input.NamesOf(places.Voters(input.MetaShard))}; {Answering(input, places)}",
                "If a majority of them is there an election ends this in seconds: ask again. Else bring one back");
        }

        if (leaderless.Count > 0)
        {
            yield return new Finding(
                FindingIds.NoLeader, FindingSeverity.Critical, "",
                $"{FindingWords.Count(leaderless.Count, "shard")} {(leaderless.Count == 1 ? "has" : "have")} no leader although "
                + "a majority is there",
                FindingWords.Shards(leaderless, input.MetaShard),
                "An election ends this in seconds: ask again. If it stays, see what is said of links, clocks and disks, then the logs for "
                + "the component raft");
        }
    }

    /// <summary>Shards that serve with less than they should have.</summary>
    private static IEnumerable<Finding> Voters(DiagnosisInput input, ReplicaPlaces places)
    {
        int wanted = input.MetaLeader?.EffectiveFactor ?? 0;
        var thin = new SortedDictionary<string, (NodeNumber[] Missing, List<ShardId> Shards)>(StringComparer.Ordinal);
        for (uint i = 0; i < input.MetaShard.Value && i < (uint)input.Map.Shards.Count; i++)
        {
            var shard = new ShardId(i);
            NodeNumber[] voters = places.Voters(shard);
            NodeNumber[] there = [.. voters.Where(v => places.Takes(shard, v))];
            if (there.Length >= Math.Max(wanted, voters.Length) || there.Length <= voters.Length / 2) continue;
            NodeNumber[] missing = [.. voters.Except(there)];
            string key = string.Join(",", missing);
            if (!thin.TryGetValue(key, out (NodeNumber[] Missing, List<ShardId> Shards) group)) thin[key] = group = (missing, []);
            group.Shards.Add(shard);
        }

        foreach ((NodeNumber[] missing, List<ShardId> shards) in thin.Values)
        {
            NodeNumber[] voters = places.Voters(shards[0]);
            int left = voters.Length - missing.Length, spare = left - ((voters.Length / 2) + 1);
            yield return new Finding(
                FindingIds.UnderReplicated, FindingSeverity.Warning, "",
                $"{FindingWords.Count(shards.Count, "shard")} {(shards.Count == 1 ? "has" : "have")} {left} of "
                + $"{Math.Max(wanted, voters.Length)} voters: "
                + (spare <= 0 ? "the next failure stops " : $"{spare} more may fail before it stops ")
                + (shards.Count == 1 ? "it" : "them"),
                FindingWords.Shards(shards, input.MetaShard)
                + (missing.Length > 0 ? $"; missing on {input.NamesOf(missing)}" : "; replicas are on their way"),
                missing.Length > 0
                    ? $"Bring {input.NamesOf(missing)} back, or give it up so that others take its replicas: norikv cluster replace NODE"
                    : "Wait: norikv cluster shards --moving shows how far it is");
        }
    }

    private static IEnumerable<Finding> Lags(DiagnosisInput input, ReplicaPlaces places)
    {
        foreach (NodeReport report in input.Reports.Values)
        {
            var behind = new List<(ShardId Shard, long Entries)>();
            foreach (ReplicaReport replica in report.Replicas)
            {
                if (replica.Stopped.Length > 0 || places.LeaderOf(replica.Shard) is not { } leader) continue;
                long entries = (long)leader.Last.Value - (long)replica.Last.Value;
                if (entries > input.Options.LagEntriesMax) behind.Add((replica.Shard, entries));
            }

            if (behind.Count == 0) continue;
            string name = input.NameOf(report.Node);
            (ShardId worst, long most) = behind.MaxBy(static b => b.Entries);
            yield return new Finding(
                FindingIds.ReplicaLagging, FindingSeverity.Warning, name,
                $"{name} is behind in {FindingWords.Count(behind.Count, "shard")}",
                $"{FindingWords.Shards([.. behind.Select(static b => b.Shard)], input.MetaShard)}; most in shard {worst}: "
                + $"{FindingWords.Count(most)} entries",
                "Nothing, if the figure falls: it catches up, far behind by a snapshot. If it grows: look at the node's disk and at the "
                + "network to it");
        }
    }

    private static string Answering(DiagnosisInput input, ReplicaPlaces places)
    {
        NodeNumber[] there = [.. places.Voters(input.MetaShard).Where(v => places.Takes(input.MetaShard, v))];
        return there.Length == 0 ? "none of them takes part" : $"{input.NamesOf(there)} take{(there.Length == 1 ? "s" : "")} part";
    }

    private static string Title(List<ShardId> shards, ShardId meta)
    {
        int data = shards.Count(s => s != meta);
        string words = data == 0 ? "The meta group" : FindingWords.Count(data, "shard");
        if (data > 0 && data < shards.Count) words += " and the meta group";
        return words + (shards.Count == 1 ? " has" : " have");
    }
}
