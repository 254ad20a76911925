using System.Collections.Concurrent;
using NoriKV.Types;

namespace NoriKV.Client.Routing;

/// <summary>
/// Chooses the node of each attempt: a hint from the last answer, else the key's leader, else the other nodes in turn.
/// An address that could not be reached is left out for a while, as long as there is another; one where another cluster
/// answers is never used.
/// </summary>
/// <remarks>Thread-safe.</remarks>
internal sealed class Router(NoriKVClientOptions options)
{
    private static readonly TimeSpan RefusedFor = TimeSpan.FromSeconds(2);

    // A node that stands still is found out by waiting, so it is left alone longer than one that refuses at once.
    private static readonly TimeSpan SilentFor = TimeSpan.FromSeconds(6);

    private readonly ConcurrentDictionary<string, long> _avoid = new(StringComparer.Ordinal); // until this timestamp
    private readonly ConcurrentDictionary<string, string> _foreign = new(StringComparer.Ordinal); // why
    private volatile RoutingTable? _table;
    private int _turn = -1;

    public RoutingTable? Table => _table;

    public void Update(RoutingTable table)
    {
        _table = table;
        // Listed as alive by our own cluster: its address may have come back. A request says which cluster it is for, so
        // nothing is lost where it has not.
        foreach (string address in table.Nodes) _foreign.TryRemove(address, out _);
    }

    public void Unreachable(string address) => Avoid(address, RefusedFor);

    public void Silent(string address) => Avoid(address, SilentFor);

    /// <summary>Another cluster answers there: nothing is sent there any more, until our own cluster lists it again.</summary>
    public void Foreign(string address, string why) => _foreign[address] = why;

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
        return Other(table, null);
    }

    /// <summary>A node besides that one; null when there is none that can be expected to answer.</summary>
    public string? PickBeside(string address)
    {
        string other = Other(_table, address);
        return other == address || IsAvoided(other) ? null : other;
    }

    /// <summary>Refuses an address where another cluster answers: it was picked because there is no other.</summary>
    /// <exception cref="NoriKVException">FAILED_PRECONDITION, with the two clusters.</exception>
    public void ThrowIfForeign(string address)
    {
        if (Refusal(address) is { } refusal) throw NoriKVException.From(refusal);
    }

    /// <summary>Why nothing may be sent to an address that was picked because there is no other; null where it may.</summary>
    public KvError? Refusal(string address) =>
        !_foreign.IsEmpty && _foreign.TryGetValue(address, out string? why) ? new KvError(KvCode.FailedPrecondition, why) : null;

    /// <summary>The nodes there are, known or configured.</summary>
    public IReadOnlyList<string> Candidates() => Candidates(_table);

    private string Other(RoutingTable? table, string? except)
    {
        IReadOnlyList<string> candidates = Candidates(table);
        uint turn = (uint)Interlocked.Increment(ref _turn), count = (uint)candidates.Count;
        string? foreign = null, avoided = null;
        for (uint i = 0; i < count; i++)
        {
            string address = candidates[(int)((turn + i) % count)];
            if (address == except) continue;
            if (!IsAvoided(address)) return address;
            if (_foreign.ContainsKey(address)) foreign ??= address;
            else avoided ??= address;
        }

        return avoided ?? foreign ?? candidates[(int)(turn % count)];
    }

    private IReadOnlyList<string> Candidates(RoutingTable? table) => table is null || table.Nodes.Count == 0
        ? options.Addresses
        : [.. table.Nodes.Union(options.Addresses, StringComparer.Ordinal)];

    private void Avoid(string address, TimeSpan time) => _avoid[address] =
        options.Time.GetTimestamp() + (long)(time.TotalSeconds * options.Time.TimestampFrequency);

    private bool IsAvoided(string address)
    {
        if (!_foreign.IsEmpty && _foreign.ContainsKey(address)) return true;
        return !_avoid.IsEmpty && _avoid.TryGetValue(address, out long until) && options.Time.GetTimestamp() < until;
    }
}
