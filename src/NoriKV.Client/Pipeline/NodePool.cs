using System.Collections.Concurrent;
using NoriKV.Client.Routing;
using NoriKV.Client.Transport;
using NoriKV.Types;

namespace NoriKV.Client.Pipeline;

/// <summary>The connections of one client, one for each address, made when first asked for.</summary>
/// <remarks>Thread-safe.</remarks>
internal sealed class NodePool(
    NoriKVClientOptions options, ClusterIdentity cluster, Router router, Func<string, INodeTransport> connect) : IAsyncDisposable
{
    private readonly ConcurrentDictionary<string, NodeConnection> _nodes = new(StringComparer.Ordinal);
    private readonly Lock _gate = new(); // one maker at a time; guards _ending and _disposed
    private readonly List<Task> _ending = [];
    private bool _disposed;

    /// <summary>Called behind each call that waits.</summary>
    public Action Wake { get; set; } = static () => { };

    public int Count => _nodes.Count;

    public NodeConnection Get(string address) => _nodes.TryGetValue(address, out NodeConnection? node) ? node : Add(address);

    /// <summary>Fails what is past its deadline; says whether anything is pending.</summary>
    public bool Sweep(long now)
    {
        bool pending = false;
        foreach (NodeConnection node in _nodes.Values) pending |= node.Sweep(now);
        return pending;
    }

    /// <summary>Lets go of nodes that are neither listed nor configured, once there are too many.</summary>
    public void Prune(IReadOnlyList<string> listed)
    {
        if (_nodes.Count <= options.NodesMax) return;
        foreach ((string address, NodeConnection node) in _nodes)
        {
            if (listed.Contains(address) || options.Addresses.Contains(address)) continue;
            Drop(node, new KvError(KvCode.Unavailable, $"{address} is not a node of the cluster any more"));
        }
    }

    public async ValueTask DisposeAsync()
    {
        Task[] ending;
        lock (_gate)
        {
            _disposed = true;
            ending = [.. _ending];
        }

        await Task.WhenAll(_nodes.Values.Select(static n => n.DisposeAsync().AsTask()).Concat(ending)).ConfigureAwait(false);
    }

    private NodeConnection Add(string address)
    {
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_disposed, typeof(NoriKVClient));
            return _nodes.GetOrAdd(
                address,
                static (a, x) => new NodeConnection(a, x.connect(a), x.cluster, x.options, x.Wake, x.Silent),
                (connect, cluster, options, Wake, Silent: (Action<NodeConnection>)Silent));
        }
    }

    // Its calls go elsewhere, and the next one to it makes a connection of its own: whatever swallows the bytes of this one
    // may go on swallowing them for a quarter of an hour.
    private void Silent(NodeConnection node)
    {
        router.Silent(node.Address);
        Drop(node, new KvError(
            KvCode.Unavailable, $"{node.Address} said nothing for {2 * options.SilenceMax.TotalSeconds:0.#} s while calls waited"));
    }

    private void Drop(NodeConnection node, KvError why)
    {
        if (!_nodes.TryRemove(KeyValuePair.Create(node.Address, node))) return;
        lock (_gate)
        {
            _ending.RemoveAll(static t => t.IsCompleted);
            _ending.Add(Task.Run(() => node.EndAsync(why).AsTask()));
        }
    }
}
