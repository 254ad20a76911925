using NoriKV.Types;

namespace NoriKV.Node.Replication;

/// <summary>A shard's log as its one voter drives it. Written by the log's step only; the figures are read by anyone.</summary>
internal sealed class VoterGroup(ShardId shard, ReplicaId replica, Term term, LogIndex last)
{
    private ulong _term = term.Value;
    private ulong _last = last.Value;
    private ulong _commit = last.Value;

    public ShardId Shard { get; } = shard;

    public ReplicaId Replica { get; } = replica;

    /// <summary>The highest stamp given to an entry, so that stamps of a shard never fall.</summary>
    public long LastStamp { get; set; }

    public Term Term
    {
        get => new(Volatile.Read(ref _term));
        set => Volatile.Write(ref _term, value.Value);
    }

    public LogIndex Last
    {
        get => new(Volatile.Read(ref _last));
        set => Volatile.Write(ref _last, value.Value);
    }

    public LogIndex Commit
    {
        get => new(Volatile.Read(ref _commit));
        set => Volatile.Write(ref _commit, value.Value);
    }
}
