using NoriKV.Types;

namespace NoriKV.Node.Scanning;

/// <summary>One shard's part of a scan: a few pairs read ahead, and where its reading goes on.</summary>
internal sealed class ScanPart(ShardId shard, ReplicaId replica, KeyRange range, int quota)
{
    private readonly Queue<ScanItem> _items = new();

    public ShardId Shard { get; } = shard;

    /// <summary>The replica that is read, in every view.</summary>
    public ReplicaId Replica { get; } = replica;

    /// <summary>Where the shard lies in the cursor's view.</summary>
    public uint Slot { get; set; }

    /// <summary>What is not read yet.</summary>
    public KeyRange Rest { get; set; } = range;

    /// <summary>Pairs to read at the next refill.</summary>
    public int Quota { get; set; } = quota;

    public bool Exhausted { get; set; }

    public int Count => _items.Count;

    public ScanItem First => _items.Peek();

    public void Add(ScanItem item) => _items.Enqueue(item);

    public ScanItem Take() => _items.Dequeue();
}
