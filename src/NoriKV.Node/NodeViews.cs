using NoriKV.Node.Directory;
using NoriKV.Node.Meta;
using NoriKV.Node.Ports;
using NoriKV.Types;

namespace NoriKV.Node;

/// <summary>
/// The node's cluster view and those who watch it. A member of a cluster shows what the meta leader issued; a node alone, and
/// one that has not heard of a meta leader yet, what it knows itself. Alone, epochs rise across restarts: each boot has a
/// million.
/// </summary>
/// <remarks>Thread-safe: the lock guards what is below it; watchers wake outside of it.</remarks>
internal sealed class NodeViews
{
    // Room for a change of membership each second for twelve days, and for 2^33 boots below 2^53.
    private const ulong EpochsPerBoot = 1 << 20;

    private readonly NodeIdentity _identity;
    private readonly Lock _lock = new();
    private TaskCompletionSource _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private string _address;
    private ClusterMap _map;
    private IssuedView _issued = IssuedView.None;
    private IssuedView _pending = IssuedView.None;
    private NodeNumber[] _leaders = [];
    private IReadOnlyList<ClusterNode> _others = [];
    private bool _leads = true;
    private bool _ended;
    private ClusterView _view;

    // A node alone has the same list for all its shards.
    private readonly ShardReplicaView[] _own;
    private readonly bool _isAlone;
    private readonly ShardReplicaView[] _ownIdle;

    /// <param name="identity">Who the node is.</param>
    /// <param name="map">The cluster as it is known at the start.</param>
    /// <param name="isAlone">No other node was ever heard of: it leads everything.</param>
    /// <param name="epoch">Of the last view that was taken before; 0 none.</param>
    /// <param name="address">Its own address.</param>
    public NodeViews(NodeIdentity identity, ClusterMap map, bool isAlone, ulong epoch, string address)
    {
        _identity = identity;
        _map = map;
        _address = address;
        // Alone it leads everything, before anybody asks.
        if (isAlone) _leaders = [.. Enumerable.Repeat(identity.Node, identity.TotalShards)];
        _own = [new ShardReplicaView(identity.Name, true)];
        _ownIdle = [new ShardReplicaView(identity.Name, false)];
        _isAlone = isAlone;
        _view = Make(Math.Max(epoch, isAlone ? ((identity.BootEpoch - 1) * EpochsPerBoot) + 1 : 1));
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
        return Volatile.Read(ref _map).AddressOf(node);
    }

    /// <summary>The newest view of a meta leader that is shown.</summary>
    public IssuedView Issued => Volatile.Read(ref _issued);

    /// <summary>The epoch of the newest view that a meta leader issued and that came here; 0 none.</summary>
    public ulong IssuedEpoch => Volatile.Read(ref _issued).Epoch;

    /// <summary>
    /// What the meta leader must know: the newest of its views that came here; else the view that this node numbered itself because it
    /// thinks that it is alone, above which the leader's must lie; 0 none.
    /// </summary>
    public ulong ReportedEpoch
    {
        get
        {
            lock (_lock) return _issued.Epoch > 0 ? _issued.Epoch : _isAlone ? _view.Epoch : 0;
        }
    }

    /// <summary>The node that led a shard when last heard; none.</summary>
    public NodeNumber LeaderOf(ShardId shard)
    {
        NodeNumber[] leaders = Volatile.Read(ref _leaders);
        return shard.Value < (uint)leaders.Length ? leaders[shard.Value] : default;
    }

    /// <summary>A view of the meta leader: shown once the map that it was made with is here; older ones are nothing new.</summary>
    public void Take(IssuedView view, ClusterMap map) => Change(() =>
    {
        if (view.Epoch > _pending.Epoch) _pending = view;
        return TryShow(map);
    });

    /// <summary>The map changed; a view may have waited for it.</summary>
    public void NoteMap(ClusterMap map) => Change(() => TryShow(map));

    /// <summary>Who leads each shard, as far as this node knows; none.</summary>
    public void NoteLeaders(NodeNumber[] leaders) => Change(() =>
    {
        if (!IsAlone || leaders.AsSpan().SequenceEqual(_leaders)) return false;
        Volatile.Write(ref _leaders, leaders);
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

    private bool IsAlone => _isAlone && _map.Nodes.Count(static n => n.IsMember) <= 1;

    private bool TryShow(ClusterMap map)
    {
        // The first one may be the one that was shown before a restart, of which nothing but its epoch is left.
        ulong shown = _issued.Epoch == 0 ? _view.Epoch - 1 : _view.Epoch;
        if (_pending.Epoch <= shown || map.Revision < _pending.Revision) return false;
        Volatile.Write(ref _map, map);
        Volatile.Write(ref _issued, _pending);
        Volatile.Write(ref _leaders, [.. _pending.Leaders]);
        return true;
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
            // Alone a node numbers its own changes; in a cluster the meta leader does, and nobody else.
            if (change()) Volatile.Write(ref _view, Make(Math.Max(_issued.Epoch, _view.Epoch + (IsAlone ? 1UL : 0))));
            wake = _changed;
            _changed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        }

        wake.TrySetResult();
    }

    private ClusterView Make(ulong epoch) => new(
        epoch,
        [
            .. _map.Nodes.Where(static n => n.IsMember).Select(n => NodeOf(n.Number, n.Name)),
            .. _issued.Epoch > 0 && !IsAlone ? [] : _others.Where(o => _map.Find(o.Id) is null),
        ],
        [.. Enumerable.Range(0, _identity.TotalShards).Select(ShardOf)],
        _identity.ClusterId.ToString(),
        _identity.TotalShards,
        _identity.HashTags);

    private ClusterNode NodeOf(NodeNumber node, string name)
    {
        bool leads = Array.Exists(_leaders, leader => IsLeader(leader, node));
        return new ClusterNode(name, AddressOf(node), leads ? NodeRole.Leader : RoleOf(node, name));
    }

    // Whoever leads is alive, whatever membership says; of the others it is the best there is.
    private NodeRole RoleOf(NodeNumber node, string name) => _issued.Epoch > 0 && !IsAlone
        ? _issued.Silent.Contains(node) ? NodeRole.Unknown : NodeRole.Follower
        : _others.FirstOrDefault(o => o.Id == name)?.Role ?? NodeRole.Follower;

    // A node that stops leads nothing, whatever its groups last said.
    private bool IsLeader(NodeNumber leader, NodeNumber node) => leader == node && (node != _identity.Node || _leads);

    private ShardView ShardOf(int shard)
    {
        NodeNumber leader = shard < _leaders.Length ? _leaders[shard] : default;
        IReadOnlyList<PlannedReplica> planned = _map.ReplicasOf(new ShardId((uint)shard));
        if (_isAlone && (planned.Count == 0 || (planned.Count == 1 && planned[0].Node == _identity.Node)))
        {
            return new ShardView(new ShardId((uint)shard), IsLeader(leader, _identity.Node) ? _own : _ownIdle);
        }

        if (planned.Count == 0) return new ShardView(new ShardId((uint)shard), []);
        ShardReplicaView[] replicas = [.. planned.Select(replica => new ShardReplicaView(
            _map.Find(replica.Node)?.Name ?? replica.Node.ToString(), IsLeader(leader, replica.Node)))];
        return new ShardView(new ShardId((uint)shard), replicas);
    }
}
