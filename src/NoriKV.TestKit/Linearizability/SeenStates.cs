using System.Runtime.InteropServices;

namespace NoriKV.TestKit.Linearizability;

/// <summary>
/// Where a search has been: which known calls were linearized, what the value was then, and which calls of unknown outcome had
/// been used up. To come to the same with more of them used up is to come to less.
/// </summary>
internal sealed class SeenStates
{
    private readonly Dictionary<(CallSet.Copied Known, KeyState State), Used> _seen = [];

    /// <summary>False when it was there with as few, or fewer, calls of unknown outcome used up.</summary>
    public bool TryAdd(in CallSet.Copied known, in CallSet.Copied unknown, KeyState state)
    {
        ref Used? first = ref CollectionsMarshal.GetValueRefOrAddDefault(_seen, (known, state), out _);
        for (Used? used = first; used is not null; used = used.Next)
            if (used.Calls.IsWithin(unknown)) return false;
        first = new Used(unknown, first);
        return true;
    }

    private sealed record Used(CallSet.Copied Calls, Used? Next);
}
