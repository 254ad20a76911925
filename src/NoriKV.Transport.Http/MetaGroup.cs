using Nori.Observe;

namespace NoriKV.Transport.Http;

/// <summary>
/// Events of the meta group say so: its number is the one behind the last shard's, and without a name people would look for a shard
/// that is not there.
/// </summary>
public static class MetaGroup
{
    /// <summary>Adds <c>group</c> to an event of that group.</summary>
    public static void Name(EventRecord record, int totalShards)
    {
        foreach (EventField field in record.Fields)
        {
            if (field.Name != "shard" || field.Integer < totalShards) continue;
            ((IEventFields)record).Add("group", "meta");
            return;
        }
    }
}
