using System.Collections.Concurrent;

namespace NoriKV.Client.Routing;

/// <summary>
/// Chooses the node of each attempt: a hint from the last answer, else the key's leader, else the other nodes in turn.
/// An address that could not be reached is left out for a while, as long as there is another.
/// </summary>
/// <remarks>Thread-safe.</remarks>
internal sealed class Router(NoriKVClientOptions options)
{
    private static readonly TimeSpan AvoidFor = TimeSpan.FromSeconds(2);

    private readonly ConcurrentDictionary<string, long> _avoid = new(StringComparer.Ordinal);
    private volatile RoutingTable? _table;
    private int _turn = -1;

    public RoutingTable? Table => _table;

    public void Update(RoutingTable table) => _table = table;

    public void Unreachable(string address) => _avoid[address] = options.Time.GetTimestamp();

    public void Reached(string address)
    {
        // Hot path: the dictionary is empty while all is well.
        if (!_avoid.IsEmpty) _avoid.TryRemove(address, out _);
    }

    /// <summary>The node for an attempt.</summary>
    /// <param name="key">What to route by; empty for any node.</param>
    /// <param name="attempt">0 for the first.</param>
    /// <param name="hint">The leader named by the last answer, if one was.</param>
    public string Pick(ReadOnlySpan<byte> key, int attempt, string? hint)
    {
        if (hint is not null && NodeAddress.IsValid(hint) && !IsAvoided(hint)) return hint;
        RoutingTable? table = _table;
        // Every other attempt tries another node: the view may be older than the cluster.
        if (table is not null && attempt % 2 == 0 && !key.IsEmpty
            && table.LeaderOf(key) is { } leader && !IsAvoided(leader)) return leader;
        return Other(table);
    }

    /// <summary>The nodes there are, known or configured.</summary>
    public IReadOnlyList<string> Candidates() => Candidates(_table);

    private string Other(RoutingTable? table)
    {
        IReadOnlyList<string> candidates = Candidates(table);
        uint turn = (uint)Interlocked.Increment(ref _turn);
        for (uint i = 0; i < candidates.Count; i++)
        {
            string address = candidates[(int)((turn + i) % (uint)candidates.Count)];
            if (!IsAvoided(address)) return address;
        }

        return candidates[(int)(turn % (uint)candidates.Count)];
    }

    private IReadOnlyList<string> Candidates(RoutingTable? table) => table is null || table.Nodes.Count == 0
        ? options.Addresses
        : [.. table.Nodes.Union(options.Addresses, StringComparer.Ordinal)];

    private bool IsAvoided(string address)
    {
        if (_avoid.IsEmpty || !_avoid.TryGetValue(address, out long since)) return false;
        return options.Time.GetElapsedTime(since) < AvoidFor;
    }
}
