using NoriKV.Types;

namespace NoriKV.Node.Replication;

/// <summary>Something asked of a group by its node's owner; answered with null when it is done.</summary>
/// <remarks>Thread-safe; what to do is carried out by the worker that owns the group.</remarks>
internal sealed class HostCommand(
    ShardId shard, Action<RaftWorker, RaftGroup, HostCommand> run, long answerBy, CompletionQueue? completions)
    : PendingAnswer<KvError?>(answerBy, completions, CancellationToken.None)
{
    public ShardId Shard { get; } = shard;

    public void Run(RaftWorker worker, RaftGroup group) => run(worker, group, this);

    public override void Fail(string why) => TryAnswer(ProposalErrors.Unavailable(why));

    protected override void Expire() => TryAnswer(ProposalErrors.CommandLate);

    protected override void TryCancel() => TryAnswer(ProposalErrors.Cancelled);
}
