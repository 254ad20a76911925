namespace Nori.Swim.Core;

/// <summary>A member as it is seen at one moment. Immutable.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Address">Where its datagrams go, host:port; empty for one known only as gone.</param>
/// <param name="State">What is believed of it.</param>
/// <param name="Incarnation">The incarnation that the state is about.</param>
/// <param name="Instance">The random number of its process's life; 0 where not known.</param>
/// <param name="Protocol">The protocol version it speaks.</param>
/// <param name="Metadata">What it says of itself; not to be changed.</param>
public sealed record SwimMember(
    MemberId Id,
    string Address,
    MemberState State,
    ulong Incarnation,
    ulong Instance,
    byte Protocol,
    ReadOnlyMemory<byte> Metadata);
