using NoriKV.Types;

namespace NoriKV.Node.Meta;

/// <summary>A replica as the registry has it.</summary>
/// <param name="Id">Its id; never used for another one.</param>
/// <param name="Node">Where it lives.</param>
/// <param name="Role">What it is to become.</param>
internal readonly record struct MetaReplica(ReplicaId Id, NodeNumber Node, MetaRole Role)
{
    /// <summary>It is to have a vote when all is done.</summary>
    public bool WillVote => Role is MetaRole.Voter or MetaRole.Arriving;

    /// <summary>The shard's configuration may not be what the registry says of it.</summary>
    public bool IsOnItsWay => Role is MetaRole.Arriving or MetaRole.Leaving or MetaRole.Joining;

    /// <summary>It is to be there when all is done.</summary>
    public bool Stays => Role != MetaRole.Leaving;
}
