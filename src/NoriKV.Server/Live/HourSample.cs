namespace NoriKV.Server.Live;

/// <summary>What changed of a node since the sample before.</summary>
/// <param name="UnixMs">When.</param>
/// <param name="Changes">The numbers of the names of figures, and by how much.</param>
/// <param name="Leaders">Of the shards with a replica there: who leads, where that changed.</param>
/// <param name="Facts">Its health and whom it held for what, a JSON object; empty where they did not change.</param>
internal readonly record struct HourSample(
    long UnixMs, IReadOnlyList<(int Name, long Change)> Changes, IReadOnlyList<HourLeader> Leaders, ReadOnlyMemory<byte> Facts);
