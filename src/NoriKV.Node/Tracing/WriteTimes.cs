namespace NoriKV.Node.Tracing;

/// <summary>What became of one entry's copies by the time a majority held it. Timestamps; 0 for what had not happened.</summary>
/// <param name="Log">The own log.</param>
/// <param name="Peers">The peers that it was sent to.</param>
internal sealed record WriteTimes(LogTimes Log, IReadOnlyList<PeerTimes> Peers);
