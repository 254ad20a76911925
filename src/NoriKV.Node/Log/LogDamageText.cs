using System.Globalization;
using NoriKV.Types;

namespace NoriKV.Node.Log;

/// <summary>What is said of a replica that does not start because of damage.</summary>
internal static class LogDamageText
{
    /// <summary>Why it does not start, where the damage is, and the way out.</summary>
    public static string NeverBack(string logDirectory, in GroupState group)
    {
        string place = group.DamagePlace.Segment == 0
            ? $"in {logDirectory}, at a place that is not known"
            : string.Create(
                CultureInfo.InvariantCulture,
                $"in {Path.Combine(logDirectory, $"{group.DamagePlace.Segment:D20}.wal")} at offset {group.DamagePlace.Offset}");
        return $"Replica {group.Replica} of shard {group.Shard} does not start: damage {place} may have held its newest term "
            + "and vote, and a replica that forgot its vote could vote twice. Remove this replica from the shard and add one "
            + "with a new id, on this node or another; it gets its data from its peers. The node's other shards serve";
    }
}
