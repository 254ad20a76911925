using System.Text;
using NoriKV.Node.Peers;
using NoriKV.Node.Replication;
using NoriKV.Types;

namespace NoriKV.Node.Routing;

/// <summary>What tries of a request come to.</summary>
internal static class RouteErrors
{
    /// <summary>How long a write waits for a place in its session before it looks again.</summary>
    public const int SessionPauseMs = 20;

    /// <summary>True for what another node, or this one a little later, may do better.</summary>
    public static bool MayTryAgain(KvError error) => error.Code is KvCode.NotLeader or KvCode.QuorumUnavailable
        or KvCode.Unavailable or KvCode.DeadlineExceeded or KvCode.CommitTimeout;

    /// <summary>The answer when no further try is made.</summary>
    /// <param name="end">Why not.</param>
    /// <param name="isUnknown">A try may have done it.</param>
    /// <param name="last">What the last try came to.</param>
    public static KvError End(KvError end, bool isUnknown, KvError last) =>
        isUnknown ? ProposalErrors.DeadlineBehindProposed
        : end.Code != KvCode.DeadlineExceeded ? end
        : last;

    /// <summary>What a call says that did not bring an answer.</summary>
    public static KvError Of(PeerReply reply, string? node)
    {
        string whom = string.IsNullOrEmpty(node) ? "the node asked" : node;
        return reply.Status switch
        {
            PeerReplyStatus.NotSent => ProposalErrors.Unavailable($"There is no connection to {whom}"),
            PeerReplyStatus.Refused => ProposalErrors.Unavailable($"{whom} refuses: {Encoding.UTF8.GetString(reply.Body.Span)}"),
            PeerReplyStatus.Overloaded => ProposalErrors.Overloaded(
                $"Too many requests of this node wait at {whom}; the operation was not done", TimeSpan.FromMilliseconds(50)),
            PeerReplyStatus.Ok => ProposalErrors.OutcomeUnknown($"the answer of {whom} cannot be read"),
            PeerReplyStatus.Lost => ProposalErrors.OutcomeUnknown($"{whom} restarted or is not heard any more"),
            PeerReplyStatus.TimedOut => ProposalErrors.OutcomeUnknown($"{whom} did not answer in time"),
            _ => ProposalErrors.OutcomeUnknown($"{whom} was given up"),
        };
    }

    /// <summary>A session has no place left.</summary>
    public static KvError SessionFull(ShardId shard) => ProposalErrors.Overloaded(
        $"Too many writes of this node to shard {shard} are not resolved; the operation was not done",
        TimeSpan.FromMilliseconds(100));
}
