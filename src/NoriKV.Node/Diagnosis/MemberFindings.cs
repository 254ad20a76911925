using NoriKV.Node.Meta;
using NoriKV.Types;

namespace NoriKV.Node.Diagnosis;

/// <summary>What the reports together show of the nodes and their moves. Pure.</summary>
internal static class MemberFindings
{
    public static IEnumerable<Finding> Of(DiagnosisInput input) =>
        Absent(input).Concat(Links(input)).Concat(Versions(input)).Concat(Registry(input));

    private static IEnumerable<Finding> Absent(DiagnosisInput input)
    {
        foreach ((NodeNumber node, string why) in input.Failures)
        {
            string name = input.NameOf(node), address = input.Map.AddressOf(node);
            long silent = input.MetaLeader?.Silent.FirstOrDefault(s => s.Node == node).SilentMs ?? 0;
            if (silent >= input.Options.SilenceMax.TotalMilliseconds)
            {
                long deadAfter = input.MetaLeader!.DeadAfterMs;
                yield return new Finding(
                    FindingIds.NodeDead, FindingSeverity.Warning, name, $"{name} has been silent for long",
                    $"{FindingWords.Span(TimeSpan.FromMilliseconds(silent))} without a heartbeat to the meta leader; {why} ({address})",
                    $"Start it. If it will not come back: norikv cluster replace {name}; "
                    + (silent < deadAfter
                        ? $"after {FindingWords.Span(TimeSpan.FromMilliseconds(deadAfter))} others take its replicas by themselves, where "
                            + "there are enough"
                        : "others take its replicas by themselves where there are enough of them"));
            }
            else
            {
                yield return new Finding(
                    FindingIds.NodeUnreachable, FindingSeverity.Warning, name, $"{name} does not answer", $"{why} ({address})",
                    "Is its process running, and is the way to its address open? Its log says why it ended");
            }
        }
    }

    private static IEnumerable<Finding> Links(DiagnosisInput input)
    {
        foreach (NodeReport report in input.Reports.Values)
        {
            foreach (NodeNumber other in report.Unheard)
            {
                if (!input.Reports.TryGetValue(other, out NodeReport? there) || there.NotReady.Length > 0) continue;
                bool both = there.Unheard.Contains(report.Node);
                if (both && other.CompareTo(report.Node) < 0) continue;
                (string name, string far) = (input.NameOf(report.Node), input.NameOf(other));
                yield return new Finding(
                    FindingIds.LinkDown, FindingSeverity.Warning, name,
                    both ? $"{name} and {far} do not hear each other" : $"{name} does not hear {far}",
                    $"both answer; {far} is at {input.Map.AddressOf(other)}",
                    "Look at the network and the firewalls between the two: each must reach the other's gRPC port");
            }
        }
    }

    private static IEnumerable<Finding> Versions(DiagnosisInput input)
    {
        (string Version, NodeNumber[] Nodes)[] versions =
        [
            .. input.Reports.Values.GroupBy(static r => r.Version, StringComparer.Ordinal)
                .OrderBy(static g => g.Key, StringComparer.Ordinal)
                .Select(static g => (g.Key, g.Select(static r => r.Node).ToArray())),
        ];
        if (versions.Length < 2) yield break;
        yield return new Finding(
            FindingIds.VersionSkew, FindingSeverity.Warning, "", $"The nodes run {versions.Length} different versions",
            string.Join("; ", versions.Select(v => $"{v.Version} on {input.NamesOf(v.Nodes)}")),
            "Finish the rolling upgrade: one node after the other, as docs/operations.md says");
    }

    private static IEnumerable<Finding> Registry(DiagnosisInput input)
    {
        foreach (RegisteredNode node in input.Members.Where(static n => n.State == RegisteredState.Draining))
        {
            if (input.Map.Shards.Any(s => s.Any(r => r.Node == node.Number))) continue;
            yield return new Finding(
                FindingIds.NodeDrained, FindingSeverity.Info, node.Name, $"{node.Name} is drained and holds nothing", "0 replicas",
                $"norikv cluster decommission {node.Name} removes it, norikv cluster undrain {node.Name} fills it again");
        }

        if (input.MetaLeader is not { } meta) yield break;
        if (meta.EffectiveFactor < meta.ReplicationFactor)
        {
            int members = input.Members.Count(static n => n.State == RegisteredState.Active);
            yield return new Finding(
                FindingIds.FewNodes, FindingSeverity.Info, "",
                $"Each shard has {FindingWords.Count(meta.EffectiveFactor, "voter")}, {meta.ReplicationFactor} are configured",
                FindingWords.Count(members, "node"),
                "Add nodes: norikv server --seed-nodes ANY_MEMBER; the rest happens by itself");
        }

        foreach (MoveReport move in meta.Moves.Where(m => m.StandsMs >= input.Options.MoveMax.TotalMilliseconds))
        {
            yield return new Finding(
                FindingIds.MoveStuck, FindingSeverity.Warning, "",
                $"A move of {FindingWords.Shards([move.Shard], input.MetaShard)} takes long",
                $"{move.Words}, for {FindingWords.Span(TimeSpan.FromMilliseconds(move.StandsMs))}",
                "A large shard takes its time (snapshots.bytes_per_second). Else see what is said of the nodes it names, and norikv "
                + "cluster shards --moving");
        }
    }
}
