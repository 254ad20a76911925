using NoriKV.Node;
using NoriKV.Transport.Grpc;

namespace NoriKV.Server;

/// <summary>
/// Looks at the node ten times a second: grpc.health.v1 follows it within 100 ms, and the log tells when it
/// stops or begins to serve.
/// </summary>
internal sealed class HealthLoop : IAsyncDisposable
{
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(100);
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _running;

    public HealthLoop(INoriNode node, GrpcTransport transport, ServerLog log, TimeProvider time) =>
        _running = RunAsync(node, transport, log, time, _stop.Token);

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync().ConfigureAwait(false);
        await _running.ConfigureAwait(false);
        _stop.Dispose();
    }

    private static async Task RunAsync(
        INoriNode node, GrpcTransport transport, ServerLog log, TimeProvider time, CancellationToken stop)
    {
        using var timer = new PeriodicTimer(Interval, time);
        string? told = null;
        try
        {
            while (await timer.WaitForNextTickAsync(stop).ConfigureAwait(false))
            {
                transport.UpdateHealth();
                string? reason = node.NotReadyReason;
                if (reason == told) continue;
                if (reason is null) log.Info("node", "ready again");
                else log.Error("node", "not ready", ("reason", reason));
                told = reason;
            }
        }
        catch (OperationCanceledException)
        {
            // The end of the loop.
        }
    }
}
