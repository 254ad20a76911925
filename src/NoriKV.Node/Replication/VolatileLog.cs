using NoriKV.Types;

namespace NoriKV.Node.Replication;

/// <summary>A log in memory: for unit tests of what stands on it. Remembers nothing across processes.</summary>
internal sealed class VolatileLog(int shards) : INodeLog
{
    private readonly List<(Term Term, ReadOnlyMemory<byte> Envelope)>[] _entries =
        [.. Enumerable.Range(0, shards).Select(static _ => new List<(Term, ReadOnlyMemory<byte>)>())];

    private readonly Term[] _terms = new Term[shards];
    private readonly ReplicaId[] _replicas = new ReplicaId[shards];
    private ulong _written;
    private ulong _durable;

    public ulong DurableWatermark => Volatile.Read(ref _durable);

    public long SegmentBytesTotal => 0;

    public NodeLogGroup Group(ShardId shard)
    {
        List<(Term Term, ReadOnlyMemory<byte>)> entries = _entries[shard.Value];
        return new NodeLogGroup(
            _replicas[shard.Value],
            new LogIndex(1),
            new LogIndex((ulong)entries.Count),
            entries.Count == 0 ? default : entries[^1].Term,
            _terms[shard.Value],
            new LogIndex((ulong)entries.Count));
    }

    public void Append(ShardId shard, ReplicaId replica, LogIndex index, Term term, ReadOnlyMemory<byte> envelope) =>
        _entries[shard.Value].Add((term, envelope));

    public void HardState(ShardId shard, ReplicaId replica, Term term, ReplicaId vote, LogIndex commit)
    {
        _terms[shard.Value] = term;
        _replicas[shard.Value] = replica;
    }

    public void TruncatePrefix(ShardId shard, ReplicaId replica, LogIndex index, Term term)
    {
    }

    public ulong Write() => ++_written;

    public void Sync() => Volatile.Write(ref _durable, _written);

    public bool TryRead(ShardId shard, LogIndex index, out Term term, out ReadOnlyMemory<byte> envelope)
    {
        List<(Term, ReadOnlyMemory<byte>)> entries = _entries[shard.Value];
        bool found = index.Value >= 1 && index.Value <= (ulong)entries.Count;
        (term, envelope) = found ? entries[(int)index.Value - 1] : default;
        return found;
    }

    public bool CollectGarbage(ulong unflushedWatermark, IReadOnlyList<LogIndex> flushedByShard) => false;

    public void Close()
    {
    }
}
