using NoriKV.Node.Meta;
using NoriKV.Node.Replication;

namespace NoriKV.Node;

/// <summary>What checkers of a simulation look at. Not for anybody who has threads beside him.</summary>
public sealed partial class NoriNode
{
    /// <summary>The groups.</summary>
    internal RaftHost Host => _log;

    /// <summary>What it asks other nodes, and they it.</summary>
    internal Peers.PeerCalls Calls => _calls;

    /// <summary>The newest view of a meta leader that is shown here.</summary>
    internal IssuedView IssuedView => _views.Issued;

    /// <summary>Log, engine and replicas.</summary>
    internal NodeParts Parts => _parts;
}
