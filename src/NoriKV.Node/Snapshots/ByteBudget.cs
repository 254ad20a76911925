namespace NoriKV.Node.Snapshots;

/// <summary>How many bytes may be sent now to keep to a rate; a tenth of a second may be made up for.</summary>
internal sealed class ByteBudget(long bytesPerSecond, TimeProvider time)
{
    private readonly double _most = bytesPerSecond / 10.0;
    private double _left = bytesPerSecond / 10.0;
    private long _at = time.GetTimestamp();

    /// <summary>False while what was sent last is not paid for. The one that overdraws it is let through.</summary>
    public bool TryTake(int bytes)
    {
        if (bytesPerSecond == 0) return true;
        long now = time.GetTimestamp();
        _left = Math.Min(_most, _left + (time.GetElapsedTime(_at, now).TotalSeconds * bytesPerSecond));
        _at = now;
        if (_left <= 0) return false;
        _left -= bytes;
        return true;
    }
}
