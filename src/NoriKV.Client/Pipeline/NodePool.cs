using System.Collections.Concurrent;
using NoriKV.Client.Transport;

namespace NoriKV.Client.Pipeline;

/// <summary>The connections of one client, one for each address, made when first asked for.</summary>
/// <remarks>Thread-safe.</remarks>
internal sealed class NodePool(NoriKVClientOptions options, Func<string, INodeTransport> connect) : IAsyncDisposable
{
    private readonly ConcurrentDictionary<string, NodeConnection> _nodes = new(StringComparer.Ordinal);
    private readonly Lock _gate = new(); // one maker at a time; guards _disposed
    private bool _disposed;

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
    public async ValueTask PruneAsync(IReadOnlyList<string> listed)
    {
        if (_nodes.Count <= options.NodesMax) return;
        foreach (string address in _nodes.Keys)
        {
            if (listed.Contains(address) || options.Addresses.Contains(address)) continue;
            if (_nodes.TryRemove(address, out NodeConnection? node)) await node.DisposeAsync().ConfigureAwait(false);
        }
    }

    public async ValueTask DisposeAsync()
    {
        lock (_gate) _disposed = true;
        await Task.WhenAll(_nodes.Values.Select(static n => n.DisposeAsync().AsTask())).ConfigureAwait(false);
    }

    private NodeConnection Add(string address)
    {
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_disposed, typeof(NoriKVClient));
            return _nodes.GetOrAdd(
                address, static (a, x) => new NodeConnection(a, x.connect(a), x.options), (options, connect));
        }
    }
}
