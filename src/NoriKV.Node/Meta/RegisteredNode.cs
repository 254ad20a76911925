using NoriKV.Types;

namespace NoriKV.Node.Meta;

/// <summary>A node as the registry has it.</summary>
/// <param name="Number">Its number; never used for another node.</param>
/// <param name="Name">Its id outside.</param>
/// <param name="StoreUuid">Of its data directory; empty where it has not said it yet.</param>
/// <param name="Address">Its dialable gRPC address, host:port; empty where it is not known.</param>
/// <param name="Zone">Its failure domain; empty: a domain of its own.</param>
/// <param name="State">What became of it.</param>
/// <param name="JoinedUnixMs">When it was registered, by the clock of the meta leader.</param>
public sealed record RegisteredNode(
    NodeNumber Number, string Name, Guid StoreUuid, string Address, string Zone, RegisteredState State, long JoinedUnixMs)
{
    /// <summary>It is a member: active or draining.</summary>
    public bool IsMember => State is RegisteredState.Active or RegisteredState.Draining;
}
