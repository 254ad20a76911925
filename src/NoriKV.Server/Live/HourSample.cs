namespace NoriKV.Server.Live;

/// <summary>What changed of a node's figures since the sample before.</summary>
/// <param name="UnixMs">When.</param>
/// <param name="Changes">The numbers of the names, and by how much.</param>
internal readonly record struct HourSample(long UnixMs, IReadOnlyList<(int Name, long Change)> Changes);
