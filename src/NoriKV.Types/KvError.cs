namespace NoriKV.Types;

/// <summary>An outcome that is not OK, with what the caller can do about it.</summary>
/// <param name="Code">The kind.</param>
/// <param name="Message">
/// One precise sentence; starts with the wire's word where it has one (Version mismatch, NOT_LEADER, …).
/// </param>
public sealed record KvError(KvCode Code, string Message)
{
    /// <summary>host:port of the leader, where known.</summary>
    public string? LeaderHint { get; init; }

    /// <summary>When to try again; null where nobody says, zero where waiting does not help.</summary>
    public TimeSpan? RetryAfter { get; init; }
}
