namespace Nori.Observe.Tests;

internal readonly record struct SegmentRolled(ulong Segment, long Bytes) : IEvent
{
    public string Family => "Wal";

    public string Kind => "SegmentRoll";

    public void WriteFields(IEventFields fields)
    {
        fields.Add("seg", (long)Segment);
        fields.Add("bytes", Bytes);
    }
}

internal readonly record struct LeaderElected(int Shard, string Leader) : IEvent
{
    public string Family => "Raft";

    public string Kind => "LeaderElected";

    public void WriteFields(IEventFields fields)
    {
        fields.Add("shard", Shard);
        fields.Add("node", Leader);
    }
}

internal readonly record struct WideEvent(int Fields, double Number) : IEvent
{
    public string Family => "Lsm";

    public string Kind => "WritePressure";

    public void WriteFields(IEventFields fields)
    {
        for (int i = 0; i < Fields; i++) fields.Add("ratio", Number);
    }
}
