using NoriKV.Node.Live;
using NoriKV.Node.Meta;
using NoriKV.Types;

namespace NoriKV.Server.Live;

/// <summary>
/// Looks at all nodes of the cluster four times a second, while somebody watches, and at none otherwise. What it sees is one
/// immutable <see cref="LiveCluster"/> for all who watch.
/// </summary>
/// <remarks>Thread-safe.</remarks>
internal sealed class LiveLoop : IAsyncDisposable
{
    /// <summary>From one look to the next.</summary>
    public static readonly TimeSpan Period = TimeSpan.FromMilliseconds(250);

    /// <summary>So long it looks on when the last watcher left: it may be back at once.</summary>
    private static readonly TimeSpan Linger = TimeSpan.FromSeconds(5);

    /// <summary>The first picture waits for all nodes: a cluster of which half is missing is none.</summary>
    private static readonly TimeSpan FirstPatience = TimeSpan.FromSeconds(1);

    private static readonly TimeSpan HourLimit = TimeSpan.FromSeconds(5);

    private readonly ILiveNode _node;
    private readonly TimeProvider _time;
    private readonly LiveShards _shards;
    private readonly CancellationTokenSource _stopping = new();
    private readonly long _began;
    private readonly Lock _lock = new(); // Guards all below.
    private readonly Dictionary<int, IReadOnlyList<uint>> _watchers = [];
    private NodeEye[] _eyes = [];
    private LiveCluster _current;
    private TaskCompletionSource _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private Task _running = Task.CompletedTask;
    private bool _isRunning;
    private long _leftAt;
    private int _nextWatcher;

    public LiveLoop(ILiveNode node, int totalShards, TimeProvider time)
    {
        (_node, _time) = (node, time);
        _shards = new LiveShards(totalShards);
        _began = time.GetTimestamp();
        _current = new LiveCluster { Map = node.Table.Current, Leaders = new byte[totalShards], Terms = new ulong[totalShards] };
    }

    /// <summary>What happened in the cluster since somebody watches.</summary>
    public LiveEventLog Events { get; } = new();

    /// <summary>What was last seen.</summary>
    public LiveCluster Current
    {
        get
        {
            lock (_lock) return _current;
        }
    }

    /// <summary>True while the nodes are looked at.</summary>
    public bool IsLooking
    {
        get
        {
            lock (_lock) return _isRunning;
        }
    }

    /// <summary>Somebody watches, until the returned number is given back.</summary>
    /// <returns>The number, and the version that is older than what this watcher should see: nobody looked for a while.</returns>
    public (int Watcher, long After) Watch()
    {
        lock (_lock)
        {
            int watcher = _nextWatcher++;
            _watchers.Add(watcher, []);
            bool wasRunning = _isRunning;
            if (!_isRunning && !_stopping.IsCancellationRequested)
            {
                _isRunning = true;
                _running = Task.Run(RunAsync);
            }

            return (watcher, wasRunning ? 0 : _current.Version);
        }
    }

    /// <summary>The shards that a watcher looks at closely.</summary>
    public void LookAt(int watcher, IReadOnlyList<uint> shards)
    {
        lock (_lock)
        {
            if (_watchers.ContainsKey(watcher)) _watchers[watcher] = shards;
        }
    }

    /// <summary>A watcher left.</summary>
    public void Leave(int watcher)
    {
        lock (_lock)
        {
            _watchers.Remove(watcher);
            _leftAt = _time.GetTimestamp();
        }
    }

    /// <summary>Completes when there is something newer than the version.</summary>
    public Task NewerAsync(long version, CancellationToken cancellationToken)
    {
        lock (_lock)
        {
            return _current.Version > version ? Task.CompletedTask : _changed.Task.WaitAsync(cancellationToken);
        }
    }

    /// <summary>The last hour of each node that answers.</summary>
    public async Task<IReadOnlyList<(string Node, HourPicture Picture)>> HourAsync(CancellationToken cancellationToken)
    {
        byte[] question = new PictureQuestion(PictureKind.Hour, 0, []).Encode();
        RegisteredNode[] nodes = [.. _node.Table.Current.Nodes.Where(static n => n.IsMember).Take(LiveCluster.NodesMax)];
        HourPicture?[] hours = await Task.WhenAll(nodes.Select(async node =>
        {
            ReadOnlyMemory<byte>? answer =
                await _node.AskAsync(node.Number, question, HourLimit, cancellationToken).ConfigureAwait(false);
            return answer is { } bytes ? HourBytes.TryDecode(bytes.Span) : null;
        })).ConfigureAwait(false);
        return [.. nodes.Select((n, i) => (n.Name, Hour: hours[i])).Where(static p => p.Hour is not null)
            .Select(static p => (p.Name, p.Hour!))];
    }

    /// <summary>Looks no more.</summary>
    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync().ConfigureAwait(false);
        Task running;
        lock (_lock) running = _running;
        await running.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _stopping.Dispose();
    }

    private async Task RunAsync()
    {
        using var timer = new PeriodicTimer(Period, _time);
        TimeSpan patience = FirstPatience;
        try
        {
            do
            {
                if (!TryGoOn(out IReadOnlyList<uint> shards)) return;
                await LookAsync(shards, patience).ConfigureAwait(false);
                patience = Period / 2;
            }
            while (await timer.WaitForNextTickAsync(_stopping.Token).ConfigureAwait(false));
        }
        catch (OperationCanceledException)
        {
            // The server stops.
        }
    }

    private bool TryGoOn(out IReadOnlyList<uint> shards)
    {
        lock (_lock)
        {
            shards = [.. _watchers.Values.SelectMany(static w => w).Distinct().Take(PictureQuestion.ShardsMax)];
            if (_watchers.Count > 0 || _time.GetElapsedTime(_leftAt) < Linger) return true;
            _isRunning = false;
            return false;
        }
    }

    private async Task LookAsync(IReadOnlyList<uint> shards, TimeSpan patience)
    {
        ClusterMap map = _node.Table.Current;
        NodeEye[] eyes = EyesFor(map);
        Task all = Task.WhenAll(eyes.Select(eye => AskQuietlyAsync(eye, shards)));

        // A node that is slow holds up nobody: what it says is shown when it says it.
        await Task.WhenAny(all, Task.Delay(patience, _time, _stopping.Token)).ConfigureAwait(false);
        _stopping.Token.ThrowIfCancellationRequested();
        Publish(map, eyes);
    }

    private async Task AskQuietlyAsync(NodeEye eye, IReadOnlyList<uint> shards)
    {
        try
        {
            await eye.AskAsync(shards, _stopping.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            // The server stops.
        }
    }

    private NodeEye[] EyesFor(ClusterMap map)
    {
        NodeNumber[] numbers =
            [.. map.Nodes.Where(static n => n.IsMember).Select(static n => n.Number).Take(LiveCluster.NodesMax)];
        lock (_lock)
        {
            if (numbers.SequenceEqual(_eyes.Select(static e => e.Number))) return _eyes;
            return _eyes = [.. numbers.Select(n =>
                _eyes.FirstOrDefault(e => e.Number == n) ?? new NodeEye(n, _node, _time))];
        }
    }

    private void Publish(ClusterMap map, NodeEye[] eyes)
    {
        foreach (NodeEye eye in eyes)
        {
            foreach (NodePicture picture in eye.TakeFresh()) Events.Add(picture.Events, picture.EventsElided);
        }

        var nodes = new LiveNodeView[eyes.Length];
        for (int i = 0; i < eyes.Length; i++)
        {
            RegisteredNode node = map.Find(eyes[i].Number)!;
            nodes[i] = new LiveNodeView(
                node.Number, node.Name, node.Address, node.Zone, node.State.ToString().ToLowerInvariant(), eyes[i].Last);
        }

        var cluster = new LiveCluster { Map = map, Nodes = nodes, UnixMs = _time.GetUtcNow().ToUnixTimeMilliseconds() };
        cluster = _shards.Take(cluster, _time.GetElapsedTime(_began).TotalSeconds + 1);
        TaskCompletionSource changed;
        lock (_lock)
        {
            _current = cluster with { Version = _current.Version + 1 };
            changed = _changed;
            _changed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        }

        changed.TrySetResult();
    }
}
