using System.Collections.Concurrent;

namespace NoriKV.Client.Tests;

/// <summary>Scripted nodes by address and a client of them.</summary>
internal sealed class ScriptedCluster : IAsyncDisposable
{
    private readonly ConcurrentDictionary<string, ScriptedTransport> _nodes = new();

    public ScriptedCluster(NoriKVClientOptions? options = null, params string[] addresses)
    {
        if (addresses.Length == 0) addresses = ["a:1"];
        options ??= new NoriKVClientOptions();
        Client = new NoriKVClient(options with { Addresses = addresses, Seed = 1 }, a => this[a]);
    }

    public NoriKVClient Client { get; }

    public ScriptedTransport this[string address] => _nodes.GetOrAdd(address, static a => new ScriptedTransport(a));

    public ScriptedTransport Only => this["a:1"];

    public ValueTask DisposeAsync() => Client.DisposeAsync();
}
