using NoriKV.Node.Machine;
using NoriKV.Types;

namespace NoriKV.Node.Routing;

/// <summary>What keys of one shard held, all read behind one barrier.</summary>
/// <param name="Served">The consistency that holds.</param>
/// <param name="StalenessMs">At most this old; null where nothing can be said.</param>
/// <param name="Outcomes">One for each key: found, missing, or no room for it in the answer.</param>
internal sealed record ReadValues(Consistency Served, long? StalenessMs, OperationOutcome[] Outcomes)
{
    /// <summary>The node that served it; none: this one.</summary>
    public NodeNumber ServedBy { get; init; }
}
