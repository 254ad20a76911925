namespace Nori.Swim.Core.Wire;

/// <summary>One claim about a member, as slices of the message that carries it.</summary>
internal ref struct MemberUpdate
{
    public MemberState State;
    public ReadOnlySpan<byte> Id;
    public ulong Incarnation;

    // Alive only.
    public ulong Instance;
    public byte Protocol;
    public ReadOnlySpan<byte> Address;
    public ReadOnlySpan<byte> Metadata;

    // Suspect and Failed only.
    public ReadOnlySpan<byte> Accuser;
}
