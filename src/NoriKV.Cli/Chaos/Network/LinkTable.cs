namespace NoriKV.Cli.Chaos.Network;

/// <summary>All directions between nodes, numbered from 0, and clients, the last party.</summary>
internal sealed class LinkTable
{
    private readonly Link[] _links;
    private readonly int _parties;

    public LinkTable(int nodes, TimeProvider time)
    {
        _parties = nodes + 1;
        _links = [.. Enumerable.Range(0, _parties * _parties).Select(_ => new Link(time))];
    }

    /// <summary>The party of all clients.</summary>
    public int Clients => _parties - 1;

    public Link this[int from, int to] => _links[(from * _parties) + to];

    /// <summary>Everything passes again.</summary>
    public void Heal()
    {
        foreach (Link link in _links) link.Heal();
    }
}
