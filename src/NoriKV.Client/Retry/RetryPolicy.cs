namespace NoriKV.Client;

/// <summary>
/// When and how often an operation is tried again within its deadline. Every write carries an idempotency key, so all
/// operations may be. Waits grow exponentially and are drawn at random up to the current bound (full jitter).
/// </summary>
public sealed record RetryPolicy
{
    /// <summary>No retries: the first failure is the caller's.</summary>
    public static RetryPolicy None { get; } = new() { AttemptsMax = 1 };

    /// <summary>Most attempts of one operation; the deadline usually ends it first. <value>1,000</value></summary>
    public int AttemptsMax { get; init; } = 1000;

    /// <summary>Bound of the first wait. <value>10 ms</value></summary>
    public TimeSpan BackoffInitial { get; init; } = TimeSpan.FromMilliseconds(10);

    /// <summary>Bound of any wait. <value>1 s</value></summary>
    public TimeSpan BackoffMax { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>Growth of the bound from one wait to the next. <value>2</value></summary>
    public double BackoffFactor { get; init; } = 2;

    /// <summary>
    /// Retries that may be made at once before successes pay for more. An exhausted budget does not fail an operation:
    /// its waits become the longest, so that a crowd of clients cannot keep a struggling cluster down. <value>2,048</value>
    /// </summary>
    public int BudgetMax { get; init; } = 2048;

    /// <summary>Retries that one success pays for. <value>0.2</value></summary>
    public double BudgetPerSuccess { get; init; } = 0.2;

    /// <summary>Every problem of this policy.</summary>
    public IReadOnlyList<string> Validate()
    {
        var problems = new List<string>();
        if (AttemptsMax < 1) problems.Add("Retry.AttemptsMax must be at least 1");
        if (BackoffInitial <= TimeSpan.Zero) problems.Add("Retry.BackoffInitial must be positive");
        if (BackoffMax < BackoffInitial) problems.Add("Retry.BackoffMax must be at least BackoffInitial");
        if (BackoffFactor < 1) problems.Add("Retry.BackoffFactor must be at least 1");
        if (BudgetMax < 0) problems.Add("Retry.BudgetMax must not be negative");
        if (BudgetPerSuccess < 0) problems.Add("Retry.BudgetPerSuccess must not be negative");
        return problems;
    }
}
