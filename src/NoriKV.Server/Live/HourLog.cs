using Nori.Core;

namespace NoriKV.Server.Live;

/// <summary>
/// What a node was in the last hour, whoever watched: its figures, who led the shards it has replicas of, its health and whom it
/// held for what. One sample in some seconds, each as its difference to the one before: some hundred bytes under load, nearly none
/// in an idle node. When it takes more than its bound the oldest samples go, and the hour is shorter.
/// </summary>
/// <remarks>Thread-safe.</remarks>
/// <param name="samplesMax">Samples kept.</param>
/// <param name="bytesMax">Bytes of memory they may take.</param>
internal sealed class HourLog(int samplesMax, long bytesMax = long.MaxValue)
{
    /// <summary>Names kept; figures of further ones are left out.</summary>
    public const int NamesMax = 1024;

    private readonly Lock _lock = new(); // Guards all below.
    private readonly Dictionary<string, int> _numbers = new(StringComparer.Ordinal);
    private readonly List<string> _names = [];
    private readonly Queue<HourSample> _samples = new();
    private readonly List<long> _last = [];
    private readonly List<long> _base = [];
    private readonly Dictionary<uint, HourLeader> _lastLeaders = [];
    private readonly SortedDictionary<uint, HourLeader> _baseLeaders = [];
    private ReadOnlyMemory<byte> _lastFacts;
    private ReadOnlyMemory<byte> _baseFacts;
    private long _bytes;

    /// <summary>Samples held.</summary>
    public int Count
    {
        get
        {
            lock (_lock) return _samples.Count;
        }
    }

    /// <summary>Adds a sample; the oldest go when there are too many.</summary>
    /// <param name="unixMs">When.</param>
    /// <param name="figures">The node's figures.</param>
    /// <param name="leaders">Who leads the shards that it has replicas of, as they know.</param>
    /// <param name="facts">Its health, a JSON object.</param>
    public void Add(
        long unixMs, IEnumerable<KeyValuePair<string, long>> figures, IEnumerable<HourLeader> leaders, ReadOnlyMemory<byte> facts)
    {
        lock (_lock)
        {
            bool isSame = facts.Span.SequenceEqual(_lastFacts.Span);
            if (!isSame) _lastFacts = facts;
            var sample = new HourSample(unixMs, ChangesLocked(figures), ChangesLocked(leaders), isSame ? default : facts);
            _samples.Enqueue(sample);
            _bytes += BytesOf(sample);
            while (_samples.Count > samplesMax || (_bytes > bytesMax && _samples.Count > 1)) DropLocked();
        }
    }

    /// <summary>All of it, oldest first; the first one tells all, as its changes begin at nothing.</summary>
    /// <param name="skipped">Samples of the oldest that are left out.</param>
    public (IReadOnlyList<string> Names, IReadOnlyList<HourSample> Samples) Take(int skipped)
    {
        lock (_lock)
        {
            if (_samples.Count == 0) return ([], []);
            var left = new List<HourSample>(_samples);
            skipped = Math.Min(skipped, left.Count - 1);
            long[] figures = [.. _base];
            var leaders = new SortedDictionary<uint, HourLeader>(_baseLeaders);
            ReadOnlyMemory<byte> facts = _baseFacts;
            for (int i = 0; i <= skipped; i++)
            {
                foreach ((int number, long change) in left[i].Changes) figures[number] += change;
                foreach (HourLeader leader in left[i].Leaders) leaders[leader.Shard] = leader;
                if (left[i].Facts.Length > 0) facts = left[i].Facts;
            }

            var whole = new HourSample(
                left[skipped].UnixMs,
                [.. figures.Select(static (v, i) => (i, v)).Where(static p => p.v != 0)],
                [.. leaders.Values],
                facts);
            return ([.. _names], [whole, .. left.Skip(skipped + 1)]);
        }
    }

    // Buckets of what is shown only of the present; their sums are kept. Those of syncs are few and tell of a disk what nothing else does.
    private static bool IsFine(string name) =>
        char.IsAsciiDigit(name[^1])
        && (name.StartsWith("stage.", StringComparison.Ordinal)
            || name.StartsWith("swim.rtt.", StringComparison.Ordinal));

    private static long BytesOf(in HourSample sample) =>
        96 + (16 * sample.Changes.Count) + (24 * sample.Leaders.Count) + sample.Facts.Length;

    private void DropLocked()
    {
        HourSample oldest = _samples.Dequeue();
        _bytes -= BytesOf(oldest);
        foreach ((int number, long change) in oldest.Changes) _base[number] += change;
        foreach (HourLeader leader in oldest.Leaders) _baseLeaders[leader.Shard] = leader;
        if (oldest.Facts.Length > 0) _baseFacts = oldest.Facts;
    }

    private (int, long)[] ChangesLocked(IEnumerable<KeyValuePair<string, long>> figures)
    {
        var changes = new List<(int, long)>();
        foreach ((string name, long value) in figures)
        {
            if (IsFine(name) || !TryNumberLocked(name, out int number) || _last[number] == value) continue;
            changes.Add((number, value - _last[number]));
            _last[number] = value;
        }

        return [.. changes];
    }

    private HourLeader[] ChangesLocked(IEnumerable<HourLeader> leaders)
    {
        var changes = new List<HourLeader>();
        foreach (HourLeader leader in leaders)
        {
            if (_lastLeaders.TryGetValue(leader.Shard, out HourLeader known) && known == leader) continue;
            _lastLeaders[leader.Shard] = leader;
            changes.Add(leader);
        }

        return [.. changes];
    }

    private bool TryNumberLocked(string name, out int number)
    {
        if (_numbers.TryGetValue(name, out number)) return true;
        if (_names.Count == NamesMax) return false;
        number = _names.Count;
        _numbers.Add(name, number);
        _names.Add(name);
        _last.Add(0);
        _base.Add(0);
        return true;
    }
}
