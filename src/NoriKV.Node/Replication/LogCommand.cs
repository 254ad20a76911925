using NoriKV.Types;

namespace NoriKV.Node.Replication;

/// <summary>
/// A truncation of a shard's log that its owner carries out. In a node without threads whoever waits goes on inside the
/// step, so that one seed gives one order.
/// </summary>
internal sealed class LogCommand(ShardId shard, LogIndex index, bool runInline)
{
    private readonly TaskCompletionSource<KvError?> _done = new(
        runInline ? TaskCreationOptions.None : TaskCreationOptions.RunContinuationsAsynchronously);

    public ShardId Shard { get; } = shard;

    public LogIndex Index { get; } = index;

    public Task<KvError?> Done => _done.Task;

    public void Complete(KvError? error) => _done.TrySetResult(error);
}
