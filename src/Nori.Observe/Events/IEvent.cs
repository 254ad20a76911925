namespace Nori.Observe;

/// <summary>
/// Something that happened, as a past-tense <c>readonly record struct</c> with numbers, enums and ids; never
/// key or value bytes. Family and kind are the words of the wire (for example Wal / SegmentRoll).
/// </summary>
public interface IEvent
{
    /// <summary>The component: Wal, Lsm, Compaction, Raft, Swim, Shard, Cache, Node.</summary>
    string Family { get; }

    /// <summary>What happened, in the wire's word.</summary>
    string Kind { get; }

    /// <summary>Writes each field under its wire name, in a fixed order.</summary>
    void WriteFields(IEventFields fields);
}
