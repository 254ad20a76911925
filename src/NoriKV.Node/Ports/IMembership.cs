using NoriKV.Types;

namespace NoriKV.Node.Ports;

/// <summary>Who is there: a hint for placing and routing, never a reason to change a quorum.</summary>
public interface IMembership
{
    /// <summary>The members known now, sorted by number; this node is one of them.</summary>
    IReadOnlyList<Member> Members { get; }

    /// <summary>Raised on any thread after <see cref="Members"/> changed.</summary>
    event Action? Changed;
}
