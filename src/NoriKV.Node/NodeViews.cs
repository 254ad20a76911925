using NoriKV.Node.Directory;
using NoriKV.Node.Ports;
using NoriKV.Types;

namespace NoriKV.Node;

/// <summary>The node's cluster view and those who watch it. Epochs rise across restarts: each boot has a million.</summary>
/// <remarks>Thread-safe: the lock guards what is below it; watchers wake outside of it.</remarks>
internal sealed class NodeViews
{
    // Room for a change of membership each second for twelve days, and for 2^33 boots below 2^53.
    private const ulong EpochsPerBoot = 1 << 20;

    private readonly NodeIdentity _identity;
    private readonly Lock _lock = new();
    private TaskCompletionSource _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private string _address;
    private readonly ClusterPlan? _plan;
    private NodeNumber[] _leaders = [];
    private IReadOnlyList<ClusterNode> _others = [];
    private bool _leads = true;
    private bool _ended;
    private ClusterView _view;

    // A node alone has the same list for all its shards.
    private readonly ShardReplicaView[] _own;
    private readonly ShardReplicaView[] _ownIdle;

    public NodeViews(NodeIdentity identity, ClusterPlan? plan, string address)
    {
        _identity = identity;
        _plan = plan;
        _address = address;
        // Alone it leads everything, before anybody asks.
        if (plan is null) _leaders = [.. Enumerable.Repeat(identity.Node, identity.TotalShards)];
        _own = [new ShardReplicaView(identity.Name, true)];
        _ownIdle = [new ShardReplicaView(identity.Name, false)];
        _view = Make(((identity.BootEpoch - 1) * EpochsPerBoot) + 1);
    }

    public ClusterView Current => Volatile.Read(ref _view);

    public void SetAddress(string address) => Change(() =>
    {
        if (_address == address) return false;
        _address = address;
        return true;
    });

    /// <summary>The dialable address of a node; empty where it is not known.</summary>
    public string AddressOf(NodeNumber node)
    {
        if (node == _identity.Node) return Volatile.Read(ref _address);
        return _plan?.Nodes.FirstOrDefault(n => n.Number == node)?.Address ?? "";
    }

    /// <summary>Who leads each shard, as far as this node knows; none.</summary>
    public void NoteLeaders(NodeNumber[] leaders) => Change(() =>
    {
        if (leaders.AsSpan().SequenceEqual(_leaders)) return false;
        _leaders = leaders;
        return true;
    });

    /// <summary>Who else is there, as membership sees it: dialable addresses only, and a hint like all it says.</summary>
    public void SetMembers(IReadOnlyList<Member> members)
    {
        ClusterNode[] others =
        [
            .. members
                .Where(m => m.Name != _identity.Name && m.Address.Length > 0)
                .Select(static m => new ClusterNode(m.Name, m.Address, m.HasFailed ? NodeRole.Unknown : NodeRole.Follower))
                .OrderBy(static n => n.Id, StringComparer.Ordinal),
        ];
        Change(() =>
        {
            if (others.SequenceEqual(_others)) return false;
            _others = others;
            return true;
        });
    }

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

    private ClusterView Make(ulong epoch) => new(
        epoch,
        [
            .. _plan is null ? [NodeOf(_identity.Node, _identity.Name)] : _plan.Nodes.Select(n => NodeOf(n.Number, n.Name)),
            .. _others.Where(o => _plan is null || !_plan.Nodes.Any(n => n.Name == o.Id)),
        ],
        [.. Enumerable.Range(0, _identity.TotalShards).Select(ShardOf)],
        _identity.ClusterId.ToString(),
        _identity.TotalShards,
        _identity.HashTags);

    private ClusterNode NodeOf(NodeNumber node, string name)
    {
        bool leads = Array.Exists(_leaders, leader => IsLeader(leader, node));
        return new ClusterNode(name, AddressOf(node), leads ? NodeRole.Leader : RoleOf(name));
    }

    // Whoever leads is alive, whatever membership says; of the others it is the best there is.
    private NodeRole RoleOf(string name) => _others.FirstOrDefault(o => o.Id == name)?.Role ?? NodeRole.Follower;

    // A node that stops leads nothing, whatever its groups last said.
    private bool IsLeader(NodeNumber leader, NodeNumber node) => leader == node && (node != _identity.Node || _leads);

    private ShardView ShardOf(int shard)
    {
        NodeNumber leader = shard < _leaders.Length ? _leaders[shard] : default;
        if (_plan is null) return new ShardView(new ShardId((uint)shard), IsLeader(leader, _identity.Node) ? _own : _ownIdle);
        ShardReplicaView[] replicas = [.. _plan.Replicas(new ShardId((uint)shard)).Select(replica => new ShardReplicaView(
            NameOf(replica.Node), IsLeader(leader, replica.Node)))];
        return new ShardView(new ShardId((uint)shard), replicas);
    }

    private string NameOf(NodeNumber node) => _plan!.Nodes.First(n => n.Number == node).Name;
}
