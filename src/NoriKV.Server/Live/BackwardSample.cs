namespace NoriKV.Server.Live;

/// <summary>A sample as its difference to the next newer one; the newest tells all.</summary>
/// <param name="UnixMs">When.</param>
/// <param name="Changes">The numbers of the names of figures, and by how much they differ.</param>
/// <param name="Leaders">Who led the shards of which that differs; term 0: not known then.</param>
/// <param name="Facts">Its health; empty where the newer one's are the same.</param>
/// <param name="IsNewest">True for the first.</param>
internal readonly record struct BackwardSample(
    long UnixMs, IReadOnlyList<(int Name, long Change)> Changes, IReadOnlyList<HourLeader> Leaders, ReadOnlyMemory<byte> Facts,
    bool IsNewest);
