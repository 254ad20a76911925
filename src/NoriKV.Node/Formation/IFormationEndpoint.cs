using NoriKV.Node.Meta;

namespace NoriKV.Node.Formation;

/// <summary>What a node answers to nodes that have no cluster yet.</summary>
/// <remarks>Thread-safe.</remarks>
public interface IFormationEndpoint
{
    /// <summary>Who this node is.</summary>
    IdentifyReply Identify(IdentifyRequest caller);

    /// <summary>Accepts or refuses a cluster.</summary>
    FormReply Form(FormationProposal proposal);

    /// <summary>Takes a node into the cluster, or says why not.</summary>
    ValueTask<JoinReply> JoinAsync(JoinCall call, CancellationToken cancellationToken);
}
