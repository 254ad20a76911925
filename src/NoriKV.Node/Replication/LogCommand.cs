using NoriKV.Types;

namespace NoriKV.Node.Replication;

/// <summary>A truncation of a shard's log that its owner carries out.</summary>
internal sealed class LogCommand(ShardId shard, LogIndex index)
{
    private readonly TaskCompletionSource<KvError?> _done = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public ShardId Shard { get; } = shard;

    public LogIndex Index { get; } = index;

    public Task<KvError?> Done => _done.Task;

    public void Complete(KvError? error) => _done.TrySetResult(error);
}
