using Nori.Observe;

namespace NoriKV.Node.Snapshots;

/// <summary>A counter that can be read as well.</summary>
internal sealed class SnapshotCounter(Counter counter)
{
    private long _count;

    public long Count => Interlocked.Read(ref _count);

    public void Add()
    {
        Interlocked.Increment(ref _count);
        counter.Add(1);
    }
}
