namespace NoriKV.Client.Operations;

/// <summary>
/// Bounds how many reads are sent twice: each read pays for a share of one hedge, and a few may be saved up. When all nodes
/// are slow, hedging every read would double the load that made them slow.
/// </summary>
/// <remarks>Thread-safe.</remarks>
internal sealed class HedgeBudget(double share)
{
    private const double SavedMax = 10;

    private readonly Lock _gate = new(); // guards _saved
    private double _saved = SavedMax;

    /// <summary>A read was begun.</summary>
    public void Earn()
    {
        lock (_gate) _saved = Math.Min(SavedMax, _saved + share);
    }

    /// <summary>Takes a hedge; false when there is none left.</summary>
    public bool TrySpend()
    {
        lock (_gate)
        {
            if (_saved < 1) return false;
            _saved--;
            return true;
        }
    }
}
