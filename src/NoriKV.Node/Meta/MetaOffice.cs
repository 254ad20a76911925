using NoriKV.Node.Formation;
using NoriKV.Node.Peers;
using NoriKV.Node.Ports;
using NoriKV.Node.Replication;
using NoriKV.Types;

namespace NoriKV.Node.Meta;

/// <summary>Passes what joiners and operators want on to the leader of the meta group, from any node.</summary>
internal sealed class MetaOffice(MetaContext context, MetaAgent agent) : IClusterAdmin
{
    private const int AttemptsMax = 16;
    private const string NoAnswer = "The leader of the meta group does not answer";

    private static readonly TimeSpan AttemptTimeout = TimeSpan.FromSeconds(2);

    public async ValueTask<JoinReply> JoinAsync(JoinRequest request, long deadline)
    {
        (ReadOnlyMemory<byte>? answer, _) = await AskAsync(
            PeerMethod.Join, JoinQuestion.Encode(request), deadline).ConfigureAwait(false);
        return (answer is { } bytes ? JoinAnswer.TryDecode(bytes.Span) : null)
            ?? JoinAnswer.NotNow(context.Dismissed() ?? NoAnswer);
    }

    public ValueTask<KvResult<ClusterStatus>> StatusAsync(RequestContext request) =>
        RunAsync(new AdminCommand(AdminCommandKind.Status), request);

    public ValueTask<KvResult<ClusterStatus>> DrainAsync(string node, int? replicationFactor, RequestContext request) =>
        RunAsync(new AdminCommand(AdminCommandKind.Drain, node, Factor: replicationFactor ?? 0), request);

    public ValueTask<KvResult<ClusterStatus>> UndrainAsync(string node, RequestContext request) =>
        RunAsync(new AdminCommand(AdminCommandKind.Undrain, node), request);

    public ValueTask<KvResult<ClusterStatus>> DecommissionAsync(string node, RequestContext request) =>
        RunAsync(new AdminCommand(AdminCommandKind.Decommission, node), request);

    public ValueTask<KvResult<ClusterStatus>> ReplaceAsync(string node, RequestContext request) =>
        RunAsync(new AdminCommand(AdminCommandKind.Replace, node), request);

    public ValueTask<KvResult<ClusterStatus>> MoveLeaderAsync(ShardId shard, string target, RequestContext request) =>
        RunAsync(new AdminCommand(AdminCommandKind.MoveLeader, target, Shard: shard), request);

    public ValueTask<KvResult<ClusterStatus>> MoveReplicaAsync(
        ShardId shard, string source, string target, RequestContext request) =>
        RunAsync(new AdminCommand(AdminCommandKind.MoveReplica, source, target, shard), request);

    private async ValueTask<KvResult<ClusterStatus>> RunAsync(AdminCommand command, RequestContext request)
    {
        long deadline = request.Deadline == long.MaxValue
            ? context.Now + context.Ticks(context.Options.RequestTimeout)
            : request.Deadline;
        (ReadOnlyMemory<byte>? answer, bool mayBeDone) = await AskAsync(
            PeerMethod.Admin, command.Encode(), deadline).ConfigureAwait(false);
        if (answer is { } bytes && ClusterStatusBytes.TryDecode(bytes.Span, out KvResult<ClusterStatus> result)) return result;
        string why = context.Dismissed() ?? NoAnswer;
        return mayBeDone && command.Kind != AdminCommandKind.Status
            ? ProposalErrors.OutcomeUnknown(why)
            : ProposalErrors.Unavailable(why);
    }

    /// <summary>Asks whoever leads, following hints; says also whether it may have been done although no answer came.</summary>
    private async ValueTask<(ReadOnlyMemory<byte>? Answer, bool MayBeDone)> AskAsync(PeerMethod method, byte[] body, long deadline)
    {
        bool mayBeDone = false;
        NodeNumber to = agent.Guess();
        for (int attempt = 0; attempt < AttemptsMax && context.Now < deadline && to.Value != 0; attempt++)
        {
            if (context.Dismissed() is not null) break;
            long until = Math.Min(deadline, context.Now + context.Ticks(AttemptTimeout));
            PeerReply reply = await context.Calls.CallAsync(
                to, PeerChannel.Control, method, body, until).ConfigureAwait(false);
            NodeNumber leader = default;
            if (reply.IsOk && LeaderAnswer.TryRead(reply.Body, out ReadOnlyMemory<byte> answer, out leader)) return (answer, true);
            mayBeDone |= !reply.IsOk && !reply.WasNotTaken;
            agent.NoteWrong(leader != to ? leader : default);
            to = agent.Guess();
        }

        return (null, mayBeDone);
    }
}
