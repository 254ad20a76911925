using NoriKV.Node.Directory;
using NoriKV.Types;

namespace NoriKV.Node;

/// <summary>The node's cluster view and those who watch it. Epochs rise across restarts: each boot has a thousand.</summary>
/// <remarks>Thread-safe: the lock guards what is below it; watchers wake outside of it.</remarks>
internal sealed class NodeViews
{
    private const ulong EpochsPerBoot = 1000;

    private readonly NodeIdentity _identity;
    private readonly Lock _lock = new();
    private TaskCompletionSource _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private string _address;
    private bool _leads = true;
    private bool _ended;
    private ClusterView _view;

    public NodeViews(NodeIdentity identity, string address)
    {
        _identity = identity;
        _address = address;
        _view = Make(((identity.BootEpoch - 1) * EpochsPerBoot) + 1);
    }

    public ClusterView Current => Volatile.Read(ref _view);

    public void SetAddress(string address) => Change(() =>
    {
        if (_address == address) return false;
        _address = address;
        return true;
    });

    /// <summary>The node leads nothing any more.</summary>
    public void NoteStopped() => Change(() =>
    {
        if (!_leads) return false;
        _leads = false;
        return true;
    });

    /// <summary>Ends all watches, behind the last view.</summary>
    public void End() => Change(() =>
    {
        _ended = true;
        return false;
    });

    /// <summary>The current view at once, then the newest after each change; ends with the node.</summary>
    public async IAsyncEnumerable<ClusterView> WatchAsync(
        [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellationToken)
    {
        ulong seen = 0;
        while (true)
        {
            (ClusterView view, Task changed, bool ended) = Look();
            if (view.Epoch > seen)
            {
                // Several changes while the watcher was busy become one: only the newest view is given.
                seen = view.Epoch;
                yield return view;
                continue;
            }

            if (ended) yield break;
            await changed.WaitAsync(cancellationToken).ConfigureAwait(false);
        }
    }

    private (ClusterView View, Task Changed, bool Ended) Look()
    {
        lock (_lock) return (_view, _changed.Task, _ended);
    }

    private void Change(Func<bool> change)
    {
        TaskCompletionSource wake;
        lock (_lock)
        {
            if (change()) Volatile.Write(ref _view, Make(_view.Epoch + 1));
            wake = _changed;
            _changed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        }

        wake.TrySetResult();
    }

    private ClusterView Make(ulong epoch)
    {
        NodeRole role = _leads ? NodeRole.Leader : NodeRole.Follower;
        ShardReplicaView[] replicas = [new ShardReplicaView(_identity.Name, _leads)];
        return new ClusterView(
            epoch,
            [new ClusterNode(_identity.Name, _address, role)],
            [.. Enumerable.Range(0, _identity.TotalShards).Select(s => new ShardView(new ShardId((uint)s), replicas))],
            _identity.ClusterId.ToString(),
            _identity.TotalShards,
            _identity.HashTags);
    }
}
