using NoriKV.Node.Meta;

namespace NoriKV.Node;

/// <summary>A node that is no member any more and still runs: it says so, and what to do.</summary>
public sealed partial class NoriNode
{
    private const int NamedMax = 3;

    private string? _dismissed;

    /// <summary>Why this node serves nobody although it could; null for a member.</summary>
    private string? Dismissed => Volatile.Read(ref _dismissed);

    /// <summary>
    /// A peer of this cluster refuses this node on its store because it is no member any more. Of what this node knows itself nothing
    /// older is believed: a registry that says of it that it is a member is answered by a later one only.
    /// </summary>
    public void NoteDismissed(Dismissal told)
    {
        ArgumentNullException.ThrowIfNull(told);
        if (told.Revision > Table.Current.Revision) Dismiss(told);
    }

    private void LookForSelf(ClusterMap map)
    {
        if (Dismissal.Of(map, Number, StoreUuid) is { } dismissal) Dismiss(dismissal);
    }

    private void Dismiss(Dismissal dismissal)
    {
        string[] others = [.. Table.Current.Members.Where(n => n.Number != Number && n.Address.Length > 0).Take(NamedMax)
            .Select(static n => $"{n.Name} at {n.Address}")];
        string whom = others.Length > 0 ? $" ({string.Join(", ", others)})" : "";
        string words = $"Node {NodeId} was {dismissal.Word} and is no member of the cluster any more: ask another node{whom}; to use this "
            + $"machine again, stop the node and start it with an empty data directory ({_options.DataDirectory} is worth nothing)";
        // It is for ever: the first word is the last.
        if (Interlocked.CompareExchange(ref _dismissed, words, null) is null) _views.End();
    }
}
