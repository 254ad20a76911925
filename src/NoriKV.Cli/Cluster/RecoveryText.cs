using System.Text.Json;
using NoriKV.Node.Recovery;

namespace NoriKV.Cli.Cluster;

/// <summary>A recovery's plan for people and for scripts.</summary>
internal static class RecoveryText
{
    private const int ShardsShown = 20;

    public static IEnumerable<string> Lines(RecoveryPlan plan, bool applied, string[] paths)
    {
        string lost = string.Join(",", plan.Lost.Select(static l => l.Node));
        yield return $"cluster   {plan.OldCluster} {(applied ? "became" : "would become")} {plan.NewCluster}";
        yield return $"left      {string.Join(", ", plan.Survivors.Select(static s => $"{s.Node} ({s.Directory})"))}";
        yield return $"given up  {(lost.Length == 0 ? "nobody" : lost)}";
        int whole = plan.Of(ShardVerdict.Whole).Count();
        int partial = plan.Of(ShardVerdict.Partial).Count();
        int gone = plan.Of(ShardVerdict.Gone).Count();
        yield return $"whole     {ClusterText.Count(whole, "shard")}: a majority is here, nothing acknowledged is lost";
        yield return $"partial   {ClusterText.Count(partial, "shard")}: kept through the last entry that is here; "
            + "what the others acknowledged behind it is lost";
        yield return $"gone      {ClusterText.Count(gone, "shard")}: no copy is here, all their keys are lost";
        yield return $"meta      {plan.Shards[^1].Verdict switch
        {
            ShardVerdict.Whole => "whole",
            ShardVerdict.Partial => "partial: joins and moves behind its last entry are forgotten",
            _ => "gone: made anew from the last map that a node had heard of",
        }}";
        var table = new Console.TextTable(">SHARD", "LEFT ON", ">LAST INDEX", ">LAST TERM", ">COMMITTED", "VOTERS", "DAMAGE");
        foreach (ShardRecovery shard in plan.Shards.Where(static s => s.Verdict != ShardVerdict.Whole || s.IsDamaged).Take(ShardsShown))
        {
            table.Add(
                shard == plan.Shards[^1] ? "meta" : $"{shard.Shard.Value}", shard.Verdict == ShardVerdict.Gone ? "" : shard.Node,
                ClusterText.N((long)shard.LastIndex.Value), ClusterText.N((long)shard.LastTerm.Value),
                ClusterText.N((long)shard.Commit.Value),
                string.Join(" ", shard.Voters), shard.IsDamaged ? "cut where its log is damaged" : "");
        }

        if (table.Count > 0)
        {
            yield return "";
            foreach (string line in table.Lines()) yield return line;
            int rest = plan.Shards.Count(static s => s.Verdict != ShardVerdict.Whole || s.IsDamaged) - table.Count;
            if (rest > 0) yield return $"and {ClusterText.Count(rest, "more shard")}; --json lists all";
        }

        yield return "";
        if (applied)
        {
            yield return "Done. Start these nodes as before; each shard has one voter now. Then start empty nodes with these as "
                + "seed_nodes, until there are as many as before: the rest happens by itself. Never start the lost "
                + "ones on their old data: wipe it.";
            yield break;
        }

        yield return "Nothing was changed. Copy the directories first; then:";
        yield return $"  norikv recover {string.Join(" ", paths)} --lost {lost}{(gone > 0 ? " --accept-lost-shards" : "")} --apply";
    }

    public static void WriteJson(Utf8JsonWriter json, RecoveryPlan plan, bool applied)
    {
        json.WriteBoolean("applied", applied);
        json.WriteString("old_cluster_id", plan.OldCluster);
        json.WriteString("new_cluster_id", plan.NewCluster);
        json.WriteStartArray("survivors");
        foreach ((string node, string directory) in plan.Survivors)
        {
            json.WriteStartObject();
            json.WriteString("node_id", node);
            json.WriteString("data_dir", directory);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteStartArray("lost");
        foreach ((string node, _) in plan.Lost) json.WriteStringValue(node);
        json.WriteEndArray();
        json.WriteStartArray("shards");
        foreach (ShardRecovery shard in plan.Shards)
        {
            json.WriteStartObject();
            json.WriteNumber("id", shard.Shard.Value);
            json.WriteBoolean("meta", shard == plan.Shards[^1]);
            json.WriteString("verdict", shard.Verdict.ToString().ToLowerInvariant());
            json.WriteString("node_id", shard.Node);
            json.WriteNumber("last_index", shard.LastIndex.Value);
            json.WriteNumber("last_term", shard.LastTerm.Value);
            json.WriteNumber("committed", shard.Commit.Value);
            json.WriteBoolean("damaged", shard.IsDamaged);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }
}
