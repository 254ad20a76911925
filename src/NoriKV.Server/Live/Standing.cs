namespace NoriKV.Server.Live;

/// <summary>A replica as its node shows it.</summary>
/// <param name="Shard">The shard.</param>
/// <param name="Replica">The replica's id.</param>
/// <param name="Role">The number of its <see cref="Nori.Raft.Core.RaftRole"/>.</param>
/// <param name="Leader">The number of the node it holds for the leader's; 0: none.</param>
/// <param name="Term">Its term.</param>
/// <param name="Commit">The last entry it knows to be committed.</param>
/// <param name="Last">The last entry of its log.</param>
/// <param name="Applied">The last entry whose effect can be read.</param>
internal readonly record struct Standing(
    uint Shard, ulong Replica, byte Role, ulong Leader, ulong Term, ulong Commit, ulong Last, ulong Applied);
