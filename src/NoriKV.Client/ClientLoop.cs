using NoriKV.Client.Pipeline;
using NoriKV.Client.Routing;
using NoriKV.Types;

namespace NoriKV.Client;

/// <summary>
/// What runs by itself in a client: the sweep that fails calls past their deadline, and the watch that keeps the routing
/// table. An idle client sweeps nothing.
/// </summary>
internal sealed class ClientLoop : IAsyncDisposable
{
    private static readonly TimeSpan SweepEvery = TimeSpan.FromMilliseconds(10);

    private readonly NodePool _nodes;
    private readonly Router _router;
    private readonly ViewWatcher _watcher;
    private readonly NoriKVClientOptions _options;
    private readonly CancellationTokenSource _stop = new();
    private readonly ITimer _sweep;
    private Task? _watching;
    private int _armed;
    private int _watchStarted;

    public ClientLoop(NodePool nodes, Router router, ViewWatcher watcher, NoriKVClientOptions options)
    {
        _nodes = nodes;
        _router = router;
        _watcher = watcher;
        _options = options;
        _sweep = options.Time.CreateTimer(
            static state => ((ClientLoop)state!).Sweep(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        nodes.Wake = Wake;
    }

    /// <summary>An operation begins: from the first one on the view is watched. Hot path.</summary>
    public void Begin()
    {
        if (_options.SmartRouting && _watchStarted == 0 && Interlocked.Exchange(ref _watchStarted, 1) == 0)
        {
            // It outlives the operation that it begins with, and is no part of its trace.
            using AsyncFlowControl? apart = ExecutionContext.IsFlowSuppressed() ? null : ExecutionContext.SuppressFlow();
            _watching = WatchAsync();
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync().ConfigureAwait(false);
        await _sweep.DisposeAsync().ConfigureAwait(false);
        if (_watching is { } watching) await watching.ConfigureAwait(false);
        _stop.Dispose();
    }

    // A call is pending: see to its deadline. Called behind it, so that either this sees a loop that sleeps, or the loop sees
    // the call. Hot path.
    private void Wake()
    {
        Interlocked.MemoryBarrier();
        if (Volatile.Read(ref _armed) == 0 && Interlocked.Exchange(ref _armed, 1) == 0) Arm();
    }

    private void Arm()
    {
        try
        {
            _sweep.Change(SweepEvery, Timeout.InfiniteTimeSpan);
        }
        catch (ObjectDisposedException)
        {
            // The client is being disposed: its pending calls are failed by that.
        }
    }

    private void Sweep()
    {
        if (_nodes.Sweep(_options.Time.GetTimestamp()))
        {
            Arm();
            return;
        }

        Interlocked.Exchange(ref _armed, 0);
        // A call that came between the sweep and the line above saw the loop armed: look once more.
        if (_nodes.Sweep(_options.Time.GetTimestamp()) && Interlocked.Exchange(ref _armed, 1) == 0) Arm();
    }

    private async Task WatchAsync()
    {
        await Task.Yield();
        try
        {
            await foreach (ClusterView view in _watcher.WatchAsync(refuses: false, _stop.Token).ConfigureAwait(false))
            {
                var table = new RoutingTable(view);
                _router.Update(table);
                _nodes.Prune(table.Nodes);
            }
        }
        catch (OperationCanceledException)
        {
            // Disposed.
        }
        catch (NoriKVException)
        {
            // Refused or disposed: without a view any node takes any request.
        }
        catch (ObjectDisposedException)
        {
            // Disposed while a node was being dialled.
        }
    }
}
