using NoriKV.Types;

namespace NoriKV.Node.Replication;

/// <summary>
/// Hands committed entries to the workers that own their shards (shard mod workers), in index order per shard, within
/// bounds of bytes: one for the node and one for each shard, so that none takes all the room.
/// </summary>
/// <remarks>Thread-safe.</remarks>
internal sealed class ApplyPipeline
{
    private readonly long _bytesMax;
    private readonly long _shardBytesMax;
    private readonly long[] _bytesOf;
    private readonly int[] _watched;
    private long _bytes;

    /// <summary>A pipeline.</summary>
    /// <param name="makeWorker">Makes the worker with a number.</param>
    /// <param name="workers">How many.</param>
    /// <param name="shards">How many shards there may be.</param>
    /// <param name="bytesMax">Most bytes that wait, of all shards.</param>
    /// <param name="shardBytesMax">Most bytes that wait of one shard.</param>
    public ApplyPipeline(
        Func<ApplyPipeline, int, ApplyWorker> makeWorker, int workers, int shards, long bytesMax, long shardBytesMax)
    {
        _bytesMax = bytesMax;
        _shardBytesMax = Math.Min(bytesMax, shardBytesMax);
        _bytesOf = new long[shards];
        _watched = new int[shards];
        Workers = [.. Enumerable.Range(0, workers).Select(i => makeWorker(this, i))];
    }

    public IReadOnlyList<ApplyWorker> Workers { get; }

    /// <summary>Bytes committed and not yet applied.</summary>
    public long BacklogBytes => Interlocked.Read(ref _bytes);

    /// <summary>Called when room came back after there was none.</summary>
    public Action? RoomFreed { get; set; }

    /// <summary>Called when more of a watched shard was applied.</summary>
    public Action<ShardId>? Progressed { get; set; }

    /// <summary>True while the shard's next entry may be handed over.</summary>
    public bool HasRoomFor(ShardId shard) =>
        BacklogBytes < _bytesMax && Interlocked.Read(ref _bytesOf[shard.Value]) < _shardBytesMax;

    /// <summary>Takes one entry; the worker starts with <see cref="EndRound"/>.</summary>
    public void Enqueue(in CommittedEntry entry)
    {
        Interlocked.Add(ref _bytes, entry.Envelope.Length);
        Interlocked.Add(ref _bytesOf[entry.Shard.Value], entry.Envelope.Length);
        WorkerOf(entry.Shard).Enqueue(new ApplyItem(entry, null));
    }

    /// <summary>
    /// The shard's apply worker runs it behind everything handed over before. On a full disk it throws, having done nothing,
    /// and is tried again.
    /// </summary>
    public void EnqueueWork(ShardId shard, Action work)
    {
        ApplyWorker worker = WorkerOf(shard);
        worker.Enqueue(new ApplyItem(default(CommittedEntry) with { Shard = shard }, work));
        worker.Wake();
    }

    /// <summary>All entries of a round were handed over: the workers may start.</summary>
    public void EndRound()
    {
        foreach (ApplyWorker worker in Workers) worker.WakeIfAny();
    }

    /// <summary>Somebody waits for the shard to be applied further.</summary>
    public void Watch(ShardId shard) => Interlocked.Exchange(ref _watched[shard.Value], 1);

    /// <summary>Nobody waits any more.</summary>
    public void Unwatch(ShardId shard) => Volatile.Write(ref _watched[shard.Value], 0);

    /// <summary>More of the shard is visible.</summary>
    public void NotePublished(ShardId shard)
    {
        // A full fence between the publishing and the look: either this sees the watch, or who watches sees the state.
        Interlocked.MemoryBarrier();
        if (Volatile.Read(ref _watched[shard.Value]) != 0) Progressed?.Invoke(shard);
    }

    /// <summary>An entry was applied; true when there is room again where there was none.</summary>
    public bool NoteApplied(ShardId shard, long bytes)
    {
        long all = Interlocked.Add(ref _bytes, -bytes);
        long own = Interlocked.Add(ref _bytesOf[shard.Value], -bytes);
        return Crosses(all, bytes, _bytesMax) || Crosses(own, bytes, _shardBytesMax);
    }

    private static bool Crosses(long after, long bytes, long max) => after < max && after + bytes >= max;

    private ApplyWorker WorkerOf(ShardId shard) => Workers[(int)(shard.Value % (uint)Workers.Count)];
}
