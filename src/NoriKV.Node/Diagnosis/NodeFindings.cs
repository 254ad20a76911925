using System.Globalization;
using NoriKV.Types;

namespace NoriKV.Node.Diagnosis;

/// <summary>What a node's own report shows. Pure.</summary>
internal static class NodeFindings
{
    /// <summary>A wall clock so far off has given up its leaderships (protocol.md §5).</summary>
    private const long ClockLeadershipMs = 500;

    private static readonly TimeSpan CertificateLast = TimeSpan.FromDays(2);

    public static IEnumerable<Finding> Of(DiagnosisInput input)
    {
        foreach (NodeReport report in input.Reports.Values)
        {
            string name = input.NameOf(report.Node);
            if (report.NotReady.Length > 0)
            {
                yield return new Finding(
                    FindingIds.NodeStopped, FindingSeverity.Critical, name, $"{name} answers, and serves nothing",
                    report.NotReady,
                    "See its log. Mend what is named (disk, space, a newer version) and restart it; what was acknowledged is in its log. "
                    + $"A directory that is damaged or an old copy is given up: norikv cluster replace {name}");
            }

            foreach (Finding finding in Replicas(input, report, name)
                .Concat(Disk(input, report, name)).Concat(Clock(input, report, name)).Concat(Load(input, report, name)))
                yield return finding;
        }
    }

    private static IEnumerable<Finding> Replicas(DiagnosisInput input, NodeReport report, string name)
    {
        ReplicaReport[] stopped = [.. report.Replicas.Where(static r => r.Stopped.Length > 0)];
        if (stopped.Length > 0)
        {
            yield return new Finding(
                FindingIds.ReplicaStopped, FindingSeverity.Critical, name,
                $"{FindingWords.Count(stopped.Length, "replica")} on {name} {(stopped.Length == 1 ? "is" : "are")} stopped",
                $"{FindingWords.Shards([.. stopped.Select(static r => r.Shard)], input.MetaShard)}: {stopped[0].Stopped}",
                $"Move it elsewhere: norikv cluster move-replica SHARD {name} OTHER; a new replica gets its data from the shard's "
                + "leader. Where an entry is unknown, upgrade the node");
        }

        ReplicaReport[] damaged = [.. report.Replicas.Where(static r => r.IsDamaged)];
        if (damaged.Length > 0)
        {
            yield return new Finding(
                FindingIds.ReplicaDamaged, FindingSeverity.Warning, name,
                $"{FindingWords.Count(damaged.Length, "replica")} on {name} lost part of what it held and has no vote until healed",
                FindingWords.Shards([.. damaged.Select(static r => r.Shard)], input.MetaShard),
                "Nothing, if it passes: the leaders send what is missing. Look at the disk: norikv inspect scrub, smartctl");
        }
    }

    private static IEnumerable<Finding> Disk(DiagnosisInput input, NodeReport report, string name)
    {
        // What a stopped node has not written it does not write any more.
        if (!report.IsDiskWell && report.NotReady.Length == 0)
        {
            yield return new Finding(
                FindingIds.DiskStalled, FindingSeverity.Critical, name, $"The disk of {name} does not answer",
                $"a write has waited for its sync for {FindingWords.Span(TimeSpan.FromMilliseconds(report.StallMs))}",
                $"Look at the disk (dmesg, iostat -x). {name} leads nothing meanwhile; restart it when the disk is well");
        }

        var p99 = TimeSpan.FromMicroseconds(report.SyncP99Us);
        if (report.Syncs >= input.Options.SyncsMin && p99 > input.Options.SyncP99Max)
        {
            yield return new Finding(
                FindingIds.DiskSlow, FindingSeverity.Warning, name, $"The disk of {name} is slow",
                $"of {FindingWords.Count(report.Syncs)} syncs of the last minute one in a hundred took {FindingWords.Span(p99)} or more, "
                + $"the longest {FindingWords.Span(TimeSpan.FromMicroseconds(report.SyncMaxUs))}",
                "Look for what else writes there (iostat -x, iotop), or give the data a disk of its own. norikv bench says what the "
                + "disk does alone; GET /slow on the HTTP port lists operations that waited");
        }

        if (report.DiskFull.Length > 0)
        {
            yield return new Finding(
                FindingIds.DiskFull, FindingSeverity.Critical, name, $"The disk of {name} is full: it takes no writes",
                report.DiskFull, "Make room; writes come back by themselves. Reads go on");
        }
        else if (report.FreeBytes >= 0 && report.FreeBytes < report.ReserveBytes * input.Options.ReservesFree)
        {
            yield return new Finding(
                FindingIds.DiskNearlyFull, FindingSeverity.Warning, name, $"The disk of {name} is nearly full",
                $"{FindingWords.Bytes(report.FreeBytes)} free; below {FindingWords.Bytes(report.ReserveBytes)} writes are refused",
                $"Make room, add a node, or empty this one: norikv cluster drain {name}");
        }
    }

    private static IEnumerable<Finding> Clock(DiagnosisInput input, NodeReport report, string name)
    {
        long gap = Math.Abs(report.ClockLeadMs);
        if (gap > input.Options.ClockGapMax.TotalMilliseconds)
        {
            bool leads = gap <= ClockLeadershipMs;
            yield return new Finding(
                FindingIds.ClockGap, leads ? FindingSeverity.Warning : FindingSeverity.Critical, name,
                $"The clock of {name} is wrong" + (leads ? "" : ": it leads nothing until that is mended"),
                $"{gap} ms {(report.ClockLeadMs > 0 ? "ahead of" : "behind")} the median of the nodes; above "
                + $"{ClockLeadershipMs} ms a node gives up leadership",
                "Let chrony or ntpd set it (chronyc tracking, timedatectl)");
        }

        if (report.CertificateEndsMs == 0) yield break;
        TimeSpan left = TimeSpan.FromMilliseconds(report.CertificateEndsMs - report.UnixMs);
        if (left > input.Options.CertificateLeft) yield break;
        string end = DateTimeOffset.FromUnixTimeMilliseconds(report.CertificateEndsMs)
            .ToString("yyyy-MM-dd HH:mm", CultureInfo.InvariantCulture);
        yield return new Finding(
            FindingIds.CertificateEnds, left < CertificateLast ? FindingSeverity.Critical : FindingSeverity.Warning, name,
            $"The certificate of {name} {(left < TimeSpan.Zero ? "has ended" : $"ends in {FindingWords.Span(left)}")}", $"{end} UTC",
            "Put a new one where tls.cert and tls.key point: it is read within a second, without a restart");
    }

    private static IEnumerable<Finding> Load(DiagnosisInput input, NodeReport report, string name)
    {
        if (report.BacklogBytesMax <= 0 || report.BacklogBytes <= report.BacklogBytesMax * input.Options.ApplyBacklogPart) yield break;
        yield return new Finding(
            FindingIds.ApplyBehind, FindingSeverity.Warning, name, $"{name} applies more slowly than entries come",
            $"{FindingWords.Bytes(report.BacklogBytes)} are committed and not applied, of "
            + $"{FindingWords.Bytes(report.BacklogBytesMax)} at most",
            "Its disk or processor is too slow for the load, or compaction lags (metrics lsm_compaction_debt_bytes, process_cpu). Fewer "
            + "writes, a faster machine, or more nodes");
    }
}
