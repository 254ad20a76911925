using NoriKV.Node.Ports;
using NoriKV.Types;

namespace NoriKV.Node.Replication;

/// <summary>A read that waits for its index to be confirmed and applied.</summary>
/// <remarks>Thread-safe.</remarks>
internal sealed class ReadRequest(
    ShardId shard, Consistency served, long enqueuedAt, long answerBy, CompletionQueue? completions)
    : PendingAnswer<ReadBarrier>(answerBy, completions, CancellationToken.None)
{
    private KvError _whenLate = ProposalErrors.NoReadIndexInTime;

    public ShardId Shard { get; } = shard;

    public long EnqueuedAt { get; } = enqueuedAt;

    /// <summary>When a majority was asked; 0: not yet. This and the next two are written by the group's worker.</summary>
    public long AskedAt { get; set; }

    /// <summary>When a majority had answered; 0: not yet.</summary>
    public long ConfirmedAt { get; set; }

    /// <summary>When this replica had applied so far; 0: not yet.</summary>
    public long PassedAt { get; set; }

    /// <summary>Why it waits: what it is answered with when its deadline comes first.</summary>
    public void NoteWaiting(KvError error) => Volatile.Write(ref _whenLate, error);

    /// <summary>It may look at the state now.</summary>
    public bool TryPass() => TryAnswer(new ReadBarrier(null, served, 0) { Read = this });

    /// <summary>As above, together with others.</summary>
    public bool TryPass(ref AnswerBatch? batch) => TryAnswer(new ReadBarrier(null, served, 0) { Read = this }, ref batch);

    public bool TryRefuse(KvError error) => TryAnswer(new ReadBarrier(error, served, null) { Read = this });

    public override void Fail(string why) => TryRefuse(ProposalErrors.Unavailable(why));

    protected override void Expire() => TryRefuse(Volatile.Read(ref _whenLate));

    protected override void TryCancel() => TryRefuse(ProposalErrors.Cancelled);
}
