using NoriKV.Node.Formation;
using NoriKV.Node.Meta;
using NoriKV.Node.Peers;
using NoriKV.Node.Ports;
using NoriKV.Node.Replication;
using NoriKV.Types;

namespace NoriKV.Node;

/// <summary>The cluster as this node knows it, and what is asked of it.</summary>
public sealed partial class NoriNode
{
    private readonly MetaAgent _agent;
    private readonly MetaLeader _metaLeader;
    private readonly PlacementDriver _driver;
    private readonly MetaOffice _office;
    private readonly MetaContext _meta;

    /// <summary>Who the nodes are and where replicas live, as far as this node has heard.</summary>
    public ClusterTable Table { get; }

    /// <inheritdoc/>
    public IClusterAdmin Admin => _office;

    /// <summary>The meta group: a shard like any other, behind the last one; no key lies in it.</summary>
    private ShardId MetaShard => new((uint)_totalShards);

    /// <summary>
    /// Makes a node a member: gives it a number and registers its name, store and address, through the leader of the meta
    /// group. Asking again with the same name and store gives the same number.
    /// </summary>
    public ValueTask<JoinReply> JoinAsync(JoinRequest request, RequestContext context)
    {
        ArgumentNullException.ThrowIfNull(request);
        return _office.JoinAsync(request, _deadlines.AnswerBy(_time.GetTimestamp(), context.Deadline));
    }

    private static (ClusterMap Map, ulong Epoch, ulong Saved) KnownOf(NodeOptions options, NodeParts parts)
    {
        (ClusterMap saved, ulong epoch) = RegistryFile.Load(options.FileSystem, options.DataDirectory);
        if (saved.Revision > 0 && saved.Shards.Count == parts.Directory.Identity.TotalShards + 1)
        {
            return (saved, epoch, saved.Revision);
        }

        Directory.NodeIdentity identity = parts.Directory.Identity;
        if (options.Plan is not { } plan)
        {
            return (new ClusterMap
            {
                Nodes = [new RegisteredNode(
                    identity.Node, identity.Name, identity.StoreUuid, options.AdvertiseAddress, options.Zone,
                    RegisteredState.Active, 0)],
            }, 0, 0);
        }

        IReadOnlyList<PlannedReplica>[] shards =
            [.. Enumerable.Range(0, identity.TotalShards + 1).Select(s => plan.Replicas(new ShardId((uint)s)))];
        return (new ClusterMap
        {
            Nodes = [.. plan.Nodes.OrderBy(static n => n.Number).Select(static n => new RegisteredNode(
                n.Number, n.Name, n.StoreUuid, n.Address, n.Zone, RegisteredState.Active, 0))],
            Shards = shards,
        }, 0, 0);
    }

    private MetaContext MakeMeta() => new()
    {
        Identity = _parts.Directory.Identity,
        Options = _options,
        Table = Table,
        Views = _views,
        Host = _log,
        Liveness = _host.Liveness,
        Replicas = _replicas,
        Calls = _calls,
        Store = new MetaStore(
            MetaShard, _storage, _replicas, ProposeToMeta, _completions, _time,
            (long)_options.Machine.IdempotencyRetention.TotalMilliseconds),
        Stopped = () => _failure.Reason ?? Volatile.Read(ref _closed),
        Dismissed = () => Dismissed,
        Crashed = e => _failure.Set("What keeps the cluster together failed", e),
    };

    private KvError? ProposeToMeta(Proposal proposal)
    {
        if ((_failure.Reason ?? Volatile.Read(ref _closed)) is { } before) return ProposalErrors.Unavailable(before);
        if (_log.TryPropose(proposal) is { } refused) return refused;
        if (_watch.Add(proposal)) _loop?.WakeTicks();
        if ((_failure.Reason ?? Volatile.Read(ref _closed)) is { } failed) proposal.Fail(failed);
        return null;
    }

    /// <summary>Another map: who the peers are, where they are, and what lives here.</summary>
    private void OnMap(ClusterMap map)
    {
        if (IsNetworked) _host.Liveness.SetPeers(PeersOf(map));
        _views.NoteMap(map);
        _agent.NoteMap();
        MeasureLag(map);
        _options.PeersChanged?.Invoke(map);
        LookForSelf(map);
    }

    // A node that nobody can reach needs no registry; it is written once it is started with a transport.
    private bool StepMeta()
    {
        if (!IsNetworked) return false;
        try
        {
            return _agent.RunOnce() | _driver.RunOnce();
        }
        catch (Nori.IO.StorageException e)
        {
            // What this node keeps of the registry is a hint; a disk that fails at it holds the log as well.
            _failure.Set("The disk failed", e);
            return false;
        }
    }
}
