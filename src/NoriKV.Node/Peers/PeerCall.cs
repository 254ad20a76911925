using NoriKV.Node.Replication;

namespace NoriKV.Node.Peers;

/// <summary>A call whose answer is awaited.</summary>
/// <remarks>Thread-safe.</remarks>
internal sealed class PeerCall(
    PeerCallLine line, ulong id, PeerMethod method, int bytes, long answerBy, CompletionQueue? completions,
    CancellationToken cancellationToken)
    : PendingAnswer<PeerReply>(answerBy, completions, cancellationToken)
{
    public ulong Id { get; } = id;

    public PeerMethod Method { get; } = method;

    /// <summary>What it takes of the room for bodies.</summary>
    public int Bytes { get; } = bytes;

    public override void Fail(string why) => End(PeerReplyStatus.Failed);

    protected override void Expire() => End(PeerReplyStatus.TimedOut);

    protected override void TryCancel()
    {
        if (End(PeerReplyStatus.Cancelled)) line.Cancel(this);
    }

    private bool End(PeerReplyStatus status)
    {
        line.Forget(Id);
        return TryAnswer(new PeerReply(status));
    }
}
