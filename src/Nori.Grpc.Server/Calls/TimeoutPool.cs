using System.Collections.Concurrent;

namespace Nori.Grpc.Server;

/// <summary>Cancellation sources with a timer, used again as long as they did not fire.</summary>
internal static class TimeoutPool
{
    private const int KeptMax = 1024;
    private static readonly ConcurrentBag<CancellationTokenSource> Kept = [];

    public static CancellationTokenSource Rent(TimeSpan timeout)
    {
        if (!Kept.TryTake(out CancellationTokenSource? source)) source = new CancellationTokenSource();
        source.CancelAfter(timeout > TimeSpan.Zero ? timeout : TimeSpan.Zero);
        return source;
    }

    public static void Return(CancellationTokenSource source)
    {
        if (source.TryReset() && Kept.Count < KeptMax)
            Kept.Add(source);
        else
            source.Dispose();
    }
}
