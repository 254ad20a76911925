namespace NoriKV.Node.Replication;

/// <summary>
/// The one place that decides that a node stops: the first failure of its log or engine. From then on it acknowledges
/// nothing and serves nothing, because what is not known to be durable must not be shown.
/// </summary>
internal sealed class NodeFailure(PendingWatch watch)
{
    private string? _reason;

    /// <summary>Why it stopped; null while it works.</summary>
    public string? Reason => Volatile.Read(ref _reason);

    /// <summary>The exception behind it.</summary>
    public Exception? Cause { get; private set; }

    /// <summary>Runs once, on the thread that failed.</summary>
    public Action? Failed { get; set; }

    /// <summary>Stops the node; only the first reason counts.</summary>
    public void Set(string what, Exception cause)
    {
        string reason = $"{what}: {cause.Message}";
        if (Interlocked.CompareExchange(ref _reason, reason, null) is not null) return;
        Cause = cause;
        watch.Fail(reason);
        Failed?.Invoke();
    }
}
