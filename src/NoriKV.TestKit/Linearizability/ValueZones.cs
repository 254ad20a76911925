namespace NoriKV.TestKit.Linearizability;

/// <summary>
/// What follows from values that come only once (Gibbons and Korach, "Testing shared memories", 1997, §4): such a value is there
/// without a break, from the call that brings it to the last one that finds it. Between the first return and the last call among
/// these, its zone, nothing else can be there. Where every value that is found comes once, this decides in n log n.
/// </summary>
internal sealed class ValueZones
{
    private readonly Dictionary<string, Cluster> _clusters = new(StringComparer.Ordinal);
    private readonly List<Cluster> _zones;
    private readonly Operation[] _operations;

    private ValueZones(Operation[] operations, KeyState start)
    {
        _operations = operations;
        // What is there at first was brought before all time.
        Of(start.Value ?? string.Empty).Bring(long.MinValue, long.MinValue);
        foreach (Operation o in operations)
        {
            if (ValueSupply.Brought(o) is { } brought) Of(brought).Bring(o.Called, o.Returned);
            if (o.IsKnown && ValueSupply.Found(o) is { } found) Of(found).Find(o.Called, o.Returned);
        }

        _zones = [.. _clusters.Values.Where(static c => c.IsOnce && c.FirstReturn < c.LastCall).OrderBy(static c => c.FirstReturn)];
    }

    /// <summary>Whether calls that append nothing fit into an order; null when this does not tell.</summary>
    public static bool? Decide(Operation[] operations, KeyRules rules, KeyState start)
    {
        if (start.IsAny || rules.Free.Count > 0) return null;
        ValueZones zones = new(operations, start);
        if (zones.Contradict()) return false;
        return zones.TellAll() ? true : null;
    }

    private bool TellAll() =>
        Array.TrueForAll(_operations, static o => o.Kind != OperationKind.CompareAndSet)
        && _clusters.Values.All(static c => c.IsOnce || !c.IsFound);

    private bool Contradict()
    {
        foreach (Cluster c in _clusters.Values)
            if (c.IsFound && (c.Brought == 0 || (c.IsOnce && c.FirstFound < c.BroughtAt))) return true;
        for (int i = 1; i < _zones.Count; i++)
            if (_zones[i].FirstReturn < _zones[i - 1].LastCall) return true;
        foreach (Cluster c in _clusters.Values)
            if (c.IsOnce && c.LastCall <= c.FirstReturn && ZoneAround(c.LastCall, c.FirstReturn) is not null) return true;
        return Array.Exists(_operations, IsInAnothersZone);
    }

    private bool IsInAnothersZone(Operation o)
    {
        if (!o.IsKnown || (ValueSupply.Brought(o) ?? ValueSupply.Found(o)) is null) return false;
        if (ZoneAround(o.Called, o.Returned) is not { } zone) return false;
        return !(ValueSupply.Brought(o) is { } brought && Of(brought) == zone)
            && !(ValueSupply.Found(o) is { } found && Of(found) == zone);
    }

    // Zones do not overlap, so that only the last which begins before can hold it.
    private Cluster? ZoneAround(long from, long to)
    {
        int low = 0, high = _zones.Count;
        while (low < high)
        {
            int middle = (low + high) / 2;
            if (_zones[middle].FirstReturn < from) low = middle + 1;
            else high = middle;
        }

        return low > 0 && to < _zones[low - 1].LastCall ? _zones[low - 1] : null;
    }

    private Cluster Of(string value)
    {
        if (!_clusters.TryGetValue(value, out Cluster? cluster)) _clusters[value] = cluster = new Cluster();
        return cluster;
    }

    /// <summary>The calls that bring a value and those that find it.</summary>
    private sealed class Cluster
    {
        public int Brought { get; private set; }

        public long BroughtAt { get; private set; } = long.MinValue;

        public bool IsFound { get; private set; }

        public long FirstFound { get; private set; } = long.MaxValue;

        public long FirstReturn { get; private set; } = long.MaxValue;

        public long LastCall { get; private set; } = long.MinValue;

        public bool IsOnce => Brought == 1;

        public void Bring(long called, long returned)
        {
            Brought++;
            BroughtAt = called;
            Take(called, returned);
        }

        public void Find(long called, long returned)
        {
            IsFound = true;
            FirstFound = Math.Min(FirstFound, returned);
            Take(called, returned);
        }

        private void Take(long called, long returned)
        {
            FirstReturn = Math.Min(FirstReturn, returned);
            LastCall = Math.Max(LastCall, called);
        }
    }
}
