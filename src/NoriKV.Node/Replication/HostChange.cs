using NoriKV.Types;

namespace NoriKV.Node.Replication;

/// <summary>A replica that arrives at, or leaves, this node while it runs; answered with null when it has.</summary>
/// <remarks>Thread-safe; carried out by the worker that owns the shard.</remarks>
internal sealed class HostChange(
    ShardId shard, ReplicaId replica, bool isArrival, long answerBy, CompletionQueue? completions)
    : PendingAnswer<KvError?>(answerBy, completions, CancellationToken.None)
{
    public ShardId Shard { get; } = shard;

    public ReplicaId Replica { get; } = replica;

    public bool IsArrival { get; } = isArrival;

    public override void Fail(string why) => TryAnswer(ProposalErrors.Unavailable(why));

    protected override void Expire() => TryAnswer(ProposalErrors.CommandLate);

    protected override void TryCancel() => TryAnswer(ProposalErrors.Cancelled);
}
