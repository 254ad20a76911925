using NoriKV.Types;

namespace NoriKV.Node.Ports;

/// <summary>Who is there: a hint for placing and routing, never a reason to change a quorum.</summary>
public interface IMembership
{
    /// <summary>The members known now, sorted by number; this node is one of them.</summary>
    IReadOnlyList<Member> Members { get; }

    /// <summary>
    /// Calls with the members known now, then with the newest after each change: one call at a time and never an older list
    /// behind a newer one. On any thread.
    /// </summary>
    void Follow(Action<IReadOnlyList<Member>> changed);
}
