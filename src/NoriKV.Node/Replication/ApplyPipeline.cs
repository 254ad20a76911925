using NoriKV.Node.Ports;
using NoriKV.Types;

namespace NoriKV.Node.Replication;

/// <summary>Hands committed entries to the workers that own their shards (shard mod workers), within a bound of bytes.</summary>
internal sealed class ApplyPipeline : ICommittedSink
{
    private readonly long _backlogBytesMax;
    private long _backlogBytes;

    public ApplyPipeline(Func<ApplyPipeline, int, ApplyWorker> makeWorker, int workers, long backlogBytesMax)
    {
        _backlogBytesMax = backlogBytesMax;
        Workers = [.. Enumerable.Range(0, workers).Select(i => makeWorker(this, i))];
    }

    public IReadOnlyList<ApplyWorker> Workers { get; }

    public long BacklogBytes => Interlocked.Read(ref _backlogBytes);

    public bool HasRoom => BacklogBytes < _backlogBytesMax;

    /// <summary>Called when room came back after there was none.</summary>
    public Action? RoomFreed { get; set; }

    public void Enqueue(in CommittedEntry entry)
    {
        Interlocked.Add(ref _backlogBytes, entry.Envelope.Length);
        WorkerOf(entry.Shard).Enqueue(entry);
    }

    public void EndRound()
    {
        foreach (ApplyWorker worker in Workers) worker.Wake();
    }

    public void Applied(long bytes)
    {
        long before = Interlocked.Add(ref _backlogBytes, -bytes) + bytes;
        if (before >= _backlogBytesMax && before - bytes < _backlogBytesMax) RoomFreed?.Invoke();
    }

    private ApplyWorker WorkerOf(ShardId shard) => Workers[(int)(shard.Value % (uint)Workers.Count)];
}
