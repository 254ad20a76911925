namespace NoriKV.TestKit.Linearizability;

/// <summary>How much a search, or several of them together, may look at.</summary>
internal sealed class SearchBounds
{
    private const long StatesBetweenChecks = 4096;

    /// <summary>States left.</summary>
    public long StatesLeft { get; private set; } = long.MaxValue;

    /// <summary>True when a search ended because they were used up: its answer proves nothing.</summary>
    public bool IsSpent => StatesLeft <= 0;

    /// <summary>Ends it with an exception.</summary>
    public CancellationToken Cancellation { get; init; }

    /// <summary>Told the states left now and then while it goes on.</summary>
    public Action<long>? Tick { get; init; }

    /// <summary>No more than these.</summary>
    public static SearchBounds Of(long states, CancellationToken cancellation, Action<long>? tick = null) =>
        new() { StatesLeft = states, Cancellation = cancellation, Tick = tick };

    /// <summary>Takes some; false when there are none left.</summary>
    public bool TryTake(int states = 1)
    {
        if (StatesLeft / StatesBetweenChecks != (StatesLeft -= states) / StatesBetweenChecks)
        {
            Cancellation.ThrowIfCancellationRequested();
            Tick?.Invoke(StatesLeft);
        }

        return StatesLeft > 0;
    }
}
