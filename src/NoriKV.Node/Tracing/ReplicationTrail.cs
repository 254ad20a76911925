using NoriKV.Types;

namespace NoriKV.Node.Tracing;

/// <summary>
/// What a worker's groups had written, sent and confirmed lately: one record for a batch, not one for an entry, so that
/// keeping it costs next to nothing; and looked through only for the few writes that are traced or slow.
/// </summary>
/// <remarks>Owned by the worker. Records are in order of time; what was overwritten is not found, and its stages are one.</remarks>
internal sealed class ReplicationTrail(TimeProvider time)
{
    private const int Records = 4096;

    /// <summary>Slow writes a second that are looked up.</summary>
    private const int SlowPerSecondMax = 64;

    private readonly List<PeerTrail> _peers = [];
    private LogRecord[] _log = [];
    private long _logged;
    private long _second;
    private int _inSecond;

    /// <summary>Whether another slow write may be looked up in this second.</summary>
    public bool HasRoom(long now)
    {
        long second = now / time.TimestampFrequency;
        if (second != _second) (_second, _inSecond) = (second, 0);
        return ++_inSecond <= SlowPerSecondMax;
    }

    /// <summary>Entries of a shard are durable in the own log.</summary>
    public void NoteLog(ShardId shard, ulong first, ulong last, in LogTimes times)
    {
        if (_log.Length == 0) _log = new LogRecord[Records];
        _log[_logged++ % Records] = new LogRecord(shard.Value, first, last, times);
    }

    /// <summary>Entries of a shard through an index left for a peer.</summary>
    public void NoteSent(NodeNumber node, ShardId shard, ulong last, long at) => Of(node).Sent.Add(shard, last, at);

    /// <summary>A peer holds a shard's log durably through an index.</summary>
    public void NoteAcked(NodeNumber node, ShardId shard, ulong index, long at) => Of(node).Acked.Add(shard, index, at);

    /// <summary>What became of one entry, between its place in the log and now.</summary>
    public WriteTimes Find(ShardId shard, ulong index, long appendedAt)
    {
        var peers = new List<PeerTimes>(_peers.Count);
        foreach (PeerTrail peer in _peers)
        {
            long sentAt = peer.Sent.FirstThrough(shard, index, appendedAt);
            long ackedAt = peer.Acked.FirstThrough(shard, index, appendedAt);
            if (sentAt != 0) peers.Add(new PeerTimes(peer.Node, sentAt, ackedAt));
        }

        return new WriteTimes(FindLog(shard, index, appendedAt), peers);
    }

    private LogTimes FindLog(ShardId shard, ulong index, long appendedAt)
    {
        for (long i = _logged - 1; i >= 0 && i > _logged - 1 - Records; i--)
        {
            ref readonly LogRecord record = ref _log[i % Records];
            if (record.Times.SeenAt < appendedAt) break;
            if (record.Shard == shard.Value && record.First <= index && index <= record.Last) return record.Times;
        }

        return default;
    }

    private PeerTrail Of(NodeNumber node)
    {
        foreach (PeerTrail peer in _peers)
        {
            if (peer.Node == node) return peer;
        }

        var added = new PeerTrail(node, new Ring(), new Ring());
        _peers.Add(added);
        return added;
    }

    private readonly record struct LogRecord(uint Shard, ulong First, ulong Last, LogTimes Times);

    private sealed record PeerTrail(NodeNumber Node, Ring Sent, Ring Acked);

    private sealed class Ring
    {
        private readonly (uint Shard, ulong Index, long At)[] _records = new (uint, ulong, long)[Records];
        private long _added;

        public void Add(ShardId shard, ulong index, long at) => _records[_added++ % Records] = (shard.Value, index, at);

        /// <summary>When it first reached an index since a moment; 0: it did not.</summary>
        public long FirstThrough(ShardId shard, ulong index, long since)
        {
            long found = 0;
            for (long i = _added - 1; i >= 0 && i > _added - 1 - Records; i--)
            {
                ref readonly (uint Shard, ulong Index, long At) record = ref _records[i % Records];
                if (record.At < since) break;
                if (record.Shard == shard.Value && record.Index >= index) found = record.At;
            }

            return found;
        }
    }
}
