namespace NoriKV.Node.Requests;

/// <summary>The bytes of values that the gets of one batch may answer together. Thread-safe: shards are read at once.</summary>
internal sealed class AnswerBudget(long bytesMax)
{
    private long _taken;

    /// <summary>The bound.</summary>
    public long BytesMax => bytesMax;

    /// <summary>Takes the bytes, if they still fit; the first value always does, so that asking for it alone helps.</summary>
    public bool TryTake(int bytes)
    {
        long after = Interlocked.Add(ref _taken, bytes);
        if (after <= bytesMax || after == bytes) return true;
        Interlocked.Add(ref _taken, -bytes);
        return false;
    }
}
