using Nori.Core;

namespace NoriKV.Client.Retry;

/// <summary>The waits of all operations of one client: exponential with full jitter, slowed by an exhausted budget.</summary>
/// <remarks>Thread-safe.</remarks>
internal sealed class Backoff(RetryPolicy policy, Prng random)
{
    private readonly Lock _gate = new(); // guards _budget and random
    private double _budget = policy.BudgetMax;

    /// <summary>Retries that can be made before the budget is exhausted.</summary>
    public double Budget
    {
        get
        {
            lock (_gate) return _budget;
        }
    }

    /// <summary>Takes a retry from the budget and says how long to wait before it.</summary>
    /// <param name="retry">0 for the first retry of the operation.</param>
    /// <param name="retryAfter">What the server asked for; never undercut.</param>
    public TimeSpan NextWait(int retry, TimeSpan? retryAfter)
    {
        Invariant.Assert(retry >= 0);
        double boundMs = Math.Min(
            policy.BackoffMax.TotalMilliseconds,
            policy.BackoffInitial.TotalMilliseconds * Math.Pow(policy.BackoffFactor, Math.Min(retry, 64)));
        double draw;
        lock (_gate)
        {
            if (_budget >= 1) _budget--;
            else boundMs = policy.BackoffMax.TotalMilliseconds;
            draw = random.NextDouble();
        }

        var wait = TimeSpan.FromMilliseconds(boundMs * draw);
        // The server's word is a floor; the jitter on top keeps a crowd from returning in one moment.
        return retryAfter is { } floor ? floor + wait : wait;
    }

    /// <summary>Pays for later retries.</summary>
    public void Succeeded()
    {
        // Hot path: a full budget needs no lock; a torn or stale read only delays the payment.
        if (Volatile.Read(ref _budget) >= policy.BudgetMax) return;
        lock (_gate) _budget = Math.Min(policy.BudgetMax, _budget + policy.BudgetPerSuccess);
    }
}
