using Nori.IO;
using Nori.Lsm.Manifest;

namespace Nori.Lsm.Scrub;

/// <summary>What is wrong with CURRENT and a manifest, as a scrub says it.</summary>
internal static class ManifestFindings
{
    public static void Add(List<LsmScrubFinding> findings, IFileSystem files, string directory, ManifestInspection manifest)
    {
        foreach (LsmDamage damage in manifest.Damage)
            findings.Add(new LsmScrubFinding(damage.File, damage.Offset, damage.Description, IsDamage: true));
        foreach (long offset in manifest.HealedOffsets)
        {
            string what = "one of two copies is damaged; the other serves";
            findings.Add(new LsmScrubFinding(manifest.Path, offset, what, IsDamage: false));
        }

        if (manifest.TornBytes > 0)
        {
            string what = $"{manifest.TornBytes} bytes behind the last whole edit: a write that a crash cut, or a damaged copy";
            findings.Add(new LsmScrubFinding(manifest.Path, manifest.Bytes - manifest.TornBytes, what, IsDamage: false));
        }

        if (manifest.Damage.Count > 0) return;
        string current = Path.Combine(directory, FileNames.Current);
        if (CurrentFile.DamagedCopy(files.ReadAllBytes(current, bytesMax: 4096)) is { } copy)
            findings.Add(new LsmScrubFinding(current, copy, "one of two copies is damaged; the other serves", IsDamage: false));
    }

    public static LsmScrubFinding Of(CorruptionException e) =>
        new(e.File, e.Offset, $"expected {e.Expected}, found {e.Actual}", IsDamage: true);
}
