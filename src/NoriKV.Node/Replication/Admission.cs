using NoriKV.Types;

namespace NoriKV.Node.Replication;

/// <summary>Bounds what is in flight in this node: proposals taken and not yet applied or dropped, by number and bytes.</summary>
internal sealed class Admission(int countMax, long bytesMax)
{
    private static readonly TimeSpan RetryAfter = TimeSpan.FromMilliseconds(50);
    private long _count;
    private long _bytes;

    public long Count => Interlocked.Read(ref _count);

    public long Bytes => Interlocked.Read(ref _bytes);

    /// <summary>Null when there was room, and it is taken.</summary>
    public KvError? TryEnter(int bytes)
    {
        long count = Interlocked.Increment(ref _count);
        long total = Interlocked.Add(ref _bytes, bytes);
        // One that is larger than the whole bound still passes alone.
        if (count <= countMax && (total <= bytesMax || count == 1)) return null;
        Exit(bytes);
        return ProposalErrors.Overloaded(
            $"The node has {count - 1} writes of {total - bytes} bytes in flight, its bounds are {countMax} and {bytesMax} bytes",
            RetryAfter);
    }

    public void Exit(int bytes)
    {
        Interlocked.Add(ref _bytes, -bytes);
        Interlocked.Decrement(ref _count);
    }
}
