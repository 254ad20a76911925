using NoriKV.Node;
using NoriKV.Node.Formation;
using NoriKV.Node.Meta;
using NoriKV.Node.Peers;
using NoriKV.Transport.Grpc;

namespace NoriKV.Server;

/// <summary>What a node that has a cluster answers to nodes that have none.</summary>
internal sealed class MemberEndpoint(
    FormationMember self, PeerIdentity identity, FormationSettings settings, ServerOptions options, StartedNode started,
    TimeProvider time) : IFormationEndpoint
{
    private static readonly TimeSpan JoinTimeout = TimeSpan.FromSeconds(8);

    public IdentifyReply Identify(IdentifyRequest caller) => new()
    {
        Self = new IdentifyRequest(self, options.ClusterName, 0, settings, PeerProtocol.Min, PeerProtocol.Max),
        ClusterId = identity.ClusterId,
    };

    public FormReply Form(FormationProposal proposal) => proposal.ClusterId == identity.ClusterId
        ? new FormReply(true, proposal.ClusterId, proposal.ClusterId, proposal.Proposer.Name, "")
        : new FormReply(
            false, proposal.ClusterId, Guid.Empty, "", $"{self.Name} belongs to cluster {identity.ClusterId}");

    public async ValueTask<JoinReply> JoinAsync(JoinCall call, CancellationToken cancellationToken)
    {
        if (WhyNot(call) is { } why) return JoinAnswer.Refused(why);
        if (started.Join is not { } join) return JoinAnswer.NotNow($"{self.Name} takes no nodes");
        long deadline = time.GetTimestamp() + (long)(JoinTimeout.TotalSeconds * time.TimestampFrequency);
        return await join(call.ToRequest(), new RequestContext(deadline, call.Node.Name, cancellationToken)).ConfigureAwait(false);
    }

    private string? WhyNot(JoinCall call)
    {
        if (call.ClusterName != options.ClusterName)
        {
            return $"cluster.name is '{options.ClusterName}' here and '{call.ClusterName}' at {call.Node.Name}: "
                + "it asked another cluster than it means";
        }

        if (!PeerProtocol.Meets(call.ProtocolMin, call.ProtocolMax))
        {
            return $"{self.Name} speaks protocols {PeerProtocol.Min} to {PeerProtocol.Max} between nodes, {call.Node.Name} "
                + $"{call.ProtocolMin} to {call.ProtocolMax}: upgrade the older one";
        }

        return call.Settings.HashTags == settings.HashTags
            ? null
            : $"hash_tags is {(settings.HashTags ? "true" : "false")} in this cluster, which cannot change: "
                + $"start {call.Node.Name} with the same";
    }
}
