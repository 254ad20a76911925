namespace NoriKV.Server.Live;

/// <summary>A shard as its leader shows it.</summary>
/// <param name="Shard">The shard.</param>
/// <param name="Term">The leader's term.</param>
/// <param name="Commit">The last committed index.</param>
/// <param name="Kilobytes">What its data takes on disk, estimated; 0 where the engine does not say.</param>
internal readonly record struct LedShard(uint Shard, ulong Term, ulong Commit, ulong Kilobytes);
