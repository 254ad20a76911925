namespace Nori.Grpc.Server;

/// <summary>Bytes that all calls together may have buffered.</summary>
internal sealed class BufferBudget(long bytesMax)
{
    private long _used;

    public long Used => Volatile.Read(ref _used);

    public bool TryCharge(long bytes)
    {
        if (Interlocked.Add(ref _used, bytes) <= bytesMax) return true;
        Interlocked.Add(ref _used, -bytes);
        return false;
    }

    public void Release(long bytes) => Interlocked.Add(ref _used, -bytes);
}
