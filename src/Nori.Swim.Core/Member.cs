using System.Text;

namespace Nori.Swim.Core;

/// <summary>What the core remembers of a member. Owned and changed by the core only.</summary>
internal sealed class Member(MemberId id, byte[] idBytes)
{
    private SwimMember? _view;

    public MemberId Id { get; } = id;

    /// <summary>The id as on the wire; ids are ASCII.</summary>
    public byte[] IdBytes { get; } = idBytes;

    public Member(MemberId id)
        : this(id, Encoding.ASCII.GetBytes(id.Value))
    {
    }

    public string Address { get; private set; } = string.Empty;

    public byte[] AddressBytes { get; private set; } = [];

    public byte[] Metadata { get; private set; } = [];

    public MemberState State { get; private set; }

    public ulong Incarnation { get; private set; }

    public ulong Instance { get; private set; }

    public byte Protocol { get; private set; }

    /// <summary>Who accused it last; sent along with Suspect and Failed.</summary>
    public byte[] Accuser { get; set; } = [];

    /// <summary>Only while suspected.</summary>
    public Suspicion? Suspicion { get; set; }

    /// <summary>When the state last changed, in ticks.</summary>
    public long ChangedAt { get; private set; }

    /// <summary>Its place in <see cref="BroadcastQueue"/>: sendings so far, and the number it was queued under.</summary>
    public bool IsQueued { get; set; }

    public int Transmits { get; set; }

    public long QueueOrder { get; set; }

    public bool IsActive => State is MemberState.Alive or MemberState.Suspect;

    public SwimMember View => _view ??= new SwimMember(Id, Address, State, Incarnation, Instance, Protocol, Metadata);

    public void SetState(MemberState state, ulong incarnation, long now)
    {
        if (state != State) ChangedAt = now;
        (State, Incarnation, _view) = (state, incarnation, null);
        if (state != MemberState.Suspect) Suspicion = null;
    }

    public void Describe(
        ulong instance, byte protocol, ReadOnlySpan<byte> address, ReadOnlySpan<byte> metadata, Names names)
    {
        (Instance, Protocol, _view) = (instance, protocol, null);
        if (!address.SequenceEqual(AddressBytes))
            (Address, AddressBytes) = names.Keep(address);
        if (!metadata.SequenceEqual(Metadata)) Metadata = metadata.ToArray();
    }
}
