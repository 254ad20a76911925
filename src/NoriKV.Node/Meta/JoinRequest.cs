namespace NoriKV.Node.Meta;

/// <summary>What a node says that wants to be a member.</summary>
public sealed record JoinRequest
{
    /// <summary>Its id outside.</summary>
    public required string Name { get; init; }

    /// <summary>Of its data directory, drawn before it first asks and kept: so asking twice is joining once.</summary>
    public required Guid StoreUuid { get; init; }

    /// <summary>Its dialable gRPC address, host:port.</summary>
    public required string Address { get; init; }

    /// <summary>Its failure domain; empty: a domain of its own.</summary>
    public string Zone { get; init; } = "";

    /// <summary>What it is configured for; another number than the cluster's is a warning.</summary>
    public int TotalShards { get; init; }

    /// <summary>The oldest protocol between nodes that it speaks.</summary>
    public int ProtocolMin { get; init; } = 1;

    /// <summary>The newest protocol between nodes that it speaks.</summary>
    public int ProtocolMax { get; init; } = 1;
}
