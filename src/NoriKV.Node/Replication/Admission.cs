using NoriKV.Types;

namespace NoriKV.Node.Replication;

/// <summary>
/// Bounds what is in flight in this node: proposals taken and not yet applied or dropped, by number and bytes. While a majority is
/// behind with applying, less is let in: from half of the most it may be behind, down to a sixteenth. What would not be done
/// before its deadline is not let in either (decision 0169).
/// </summary>
internal sealed class Admission(int countMax, long bytesMax, long lagMax, QueuePace? pace = null)
{
    private const int SharesMax = 16;

    // Of the time to the deadline: what is told of a queue is a guess, and work that comes too late is worth nothing.
    private const double WaitShareMax = 0.8;

    private static readonly TimeSpan RetryAfter = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan RetryAfterMax = TimeSpan.FromSeconds(1);
    private long _count;
    private long _bytes;
    private long _shares = SharesMax;

    public long Count => Interlocked.Read(ref _count);

    public long Bytes => Interlocked.Read(ref _bytes);

    /// <summary>Sixteenths of the bounds that are open at the moment.</summary>
    public int Shares => (int)Volatile.Read(ref _shares);

    /// <summary>So many bytes a majority is behind with applying.</summary>
    public void NoteLag(long bytes)
    {
        double rest = 2 * (1 - (Math.Min(bytes, lagMax) / (double)lagMax));
        Volatile.Write(ref _shares, Math.Clamp((long)(rest * SharesMax), 1, SharesMax));
    }

    /// <summary>How long those take that come out; null where nobody asks.</summary>
    public QueuePace? Pace => pace;

    /// <summary>Null when there was room for it, and time, and the room is taken.</summary>
    /// <param name="bytes">Of its entry.</param>
    /// <param name="left">Time to its deadline.</param>
    /// <param name="ahead">How many are before it.</param>
    public KvError? TryEnter(int bytes, TimeSpan left, out int ahead)
    {
        ahead = (int)Count;
        if (pace?.Expect(ahead) is { } wait && wait > left * WaitShareMax)
        {
            return ProposalErrors.Overloaded(
                $"The node has {ahead} writes in flight: this one would wait for about {wait.TotalMilliseconds:0} ms and has "
                + $"{left.TotalMilliseconds:0} ms left; the operation was not done",
                wait / 2 < RetryAfter ? RetryAfter : wait / 2 < RetryAfterMax ? wait / 2 : RetryAfterMax);
        }

        return TryEnter(bytes);
    }

    /// <summary>Null when there was room, and it is taken.</summary>
    public KvError? TryEnter(int bytes)
    {
        long count = Interlocked.Increment(ref _count);
        long total = Interlocked.Add(ref _bytes, bytes);
        long shares = Volatile.Read(ref _shares);
        long countNow = Math.Max(1, countMax * shares / SharesMax), bytesNow = bytesMax / SharesMax * shares;
        if (shares == SharesMax) bytesNow = bytesMax;
        // One that is larger than the whole bound still passes alone.
        if (count <= countNow && (total <= bytesNow || count == 1)) return null;
        Exit(bytes);
        string why = shares == SharesMax ? "" : $": {shares}/{SharesMax} of what it takes, because applying is behind";
        return ProposalErrors.Overloaded(
            $"The node has {count - 1} writes of {total - bytes} bytes in flight, its bounds are {countNow} and {bytesNow} bytes{why}",
            RetryAfter);
    }

    public void Exit(int bytes)
    {
        Interlocked.Add(ref _bytes, -bytes);
        Interlocked.Decrement(ref _count);
    }
}
