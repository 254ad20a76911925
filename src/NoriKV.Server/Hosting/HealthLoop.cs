using NoriKV.Node;
using NoriKV.Transport.Grpc;

namespace NoriKV.Server;

/// <summary>
/// Looks at the node ten times a second: grpc.health.v1 follows it within 100 ms, and the log tells when it
/// stops or begins to serve. Certificates are looked at every second.
/// </summary>
internal sealed class HealthLoop : IAsyncDisposable
{
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(100);
    private const int LooksPerTlsLook = 10;
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _running;

    public HealthLoop(INoriNode node, GrpcTransport transport, TlsFiles? tls, ServerLog log, TimeProvider time) =>
        _running = RunAsync(node, transport, tls, log, time, _stop.Token);

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync().ConfigureAwait(false);
        await _running.ConfigureAwait(false);
        _stop.Dispose();
    }

    private static async Task RunAsync(
        INoriNode node, GrpcTransport transport, TlsFiles? tls, ServerLog log, TimeProvider time, CancellationToken stop)
    {
        using var timer = new PeriodicTimer(Interval, time);
        string? told = null;
        int looks = 0;
        try
        {
            while (await timer.WaitForNextTickAsync(stop).ConfigureAwait(false))
            {
                transport.UpdateHealth();
                if (tls is not null && ++looks % LooksPerTlsLook == 0) Refresh(tls, log);
                string? reason = node.CannotServeReason;
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

    private static void Refresh(TlsFiles tls, ServerLog log)
    {
        if (tls.Refresh() is not { } changed) return;
        if (changed.IsTaken) log.Info("tls", "certificates read again; new connections use them");
        else log.Error("tls", "changed certificates are not used", ("reason", changed.Why));
    }
}
