using Nori.IO;
using Nori.Lsm;
using Nori.Wal;
using NoriKV.TestKit.Simulation.Nodes;

namespace NoriKV.TestKit.Simulation.Checks;

/// <summary>Judges what lies on the disks: every file of log and engine is whole, and every node has written and synced.</summary>
internal static class FileCheck
{
    /// <summary>Looks at the files of a node that is down.</summary>
    public static void Run(SimWorld world, SimNode node)
    {
        if (!node.Disk.AllFiles().Any() || node.Disk.Syncs == 0 || node.Disk.BytesWritten == 0)
            world.Violate("disk_is_used", $"{node.Name} has written nothing");
        if (node.IsRotten) return;
        WalInspection log = WalInspector.Inspect(node.Disk.Bare, "/data/log");
        foreach (WalFinding finding in log.Findings)
        {
            if (finding.Kind is not (WalFindingKind.Corruption or WalFindingKind.MissingSegment)) continue;
            world.Violate(
                "files_intact",
                $"{node.Name} {finding.File}+{finding.Offset}: expected {finding.Expected}, found {finding.Actual}");
        }

        LsmInspection engine = LsmInspector.Inspect(node.Disk.Bare, "/data/engine", verify: true);
        foreach (LsmDamage damage in engine.Damage)
            world.Violate("files_intact", $"{node.Name} {damage.File}+{damage.Offset}: {damage.Description}");
    }
}
