namespace NoriKV.TestKit.Simulation;

/// <summary>What a node did to its disk.</summary>
/// <param name="Node">Its name.</param>
/// <param name="Files">Files at the end.</param>
/// <param name="Syncs">Syncs of files, all boots together.</param>
/// <param name="Bytes">Bytes written, all boots together.</param>
public sealed record DiskUse(string Node, int Files, long Syncs, long Bytes);
