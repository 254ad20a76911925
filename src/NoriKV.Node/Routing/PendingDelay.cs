using NoriKV.Node.Replication;

namespace NoriKV.Node.Routing;

/// <summary>A pause that ends by the clock, the caller's word or the end of the node, and never fails.</summary>
internal sealed class PendingDelay(long until, CompletionQueue? completions, CancellationToken cancellationToken)
    : PendingAnswer<bool>(until, completions, cancellationToken)
{
    public override void Fail(string why) => TryAnswer(false);

    protected override void Expire() => TryAnswer(true);

    protected override void TryCancel() => TryAnswerQueued(false);
}
