using NoriKV.Types;

namespace NoriKV.Node;

/// <summary>A node of a planned cluster.</summary>
/// <param name="Number">Its number in logs and peer streams.</param>
/// <param name="Name">Its id outside.</param>
/// <param name="Address">Its dialable gRPC address, host:port.</param>
public sealed record PlannedNode(NodeNumber Number, string Name, string Address)
{
    /// <summary>Its failure zone; empty for none.</summary>
    public string Zone { get; init; } = "";

    /// <summary>The store it lives on; empty where that is not known.</summary>
    public Guid StoreUuid { get; init; }
}
