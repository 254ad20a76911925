namespace NoriKV.Types;

/// <summary>The strings by which the wire names consistencies.</summary>
public static class ConsistencyNames
{
    /// <summary>Reads a wire string; empty means linearizable. False for anything unknown.</summary>
    public static bool TryParse(string text, out Consistency consistency)
    {
        (bool known, consistency) = text switch
        {
            "" or "linearizable" or "strong" => (true, Consistency.Linearizable),
            "lease" => (true, Consistency.Lease),
            "bounded" or "bounded_staleness" => (true, Consistency.Bounded),
            "stale_ok" or "eventual" => (true, Consistency.StaleOk),
            _ => (false, Consistency.Linearizable),
        };
        return known;
    }

    /// <summary>The canonical wire string.</summary>
    public static string ToWire(this Consistency consistency) => consistency switch
    {
        Consistency.Linearizable => "linearizable",
        Consistency.Lease => "lease",
        Consistency.Bounded => "bounded",
        Consistency.StaleOk => "stale_ok",
        _ => throw new ArgumentOutOfRangeException(nameof(consistency), consistency, "unknown consistency"),
    };
}
