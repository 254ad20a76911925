namespace Nori.Observe.Otlp;

/// <summary>How a request ended.</summary>
/// <param name="Problem">What went wrong; null where nothing did.</param>
/// <param name="MayPass">Whether the same request may succeed later.</param>
/// <param name="RetryAfter">When the collector wants it again; null where it does not say.</param>
/// <param name="Rejected">Items the collector took the request without.</param>
internal readonly record struct SendResult(string? Problem, bool MayPass, TimeSpan? RetryAfter, long Rejected)
{
    public static SendResult Failed(string problem, bool mayPass, TimeSpan? retryAfter = null) =>
        new(problem, mayPass, retryAfter, 0);

    public static SendResult Taken(ReadOnlySpan<byte> response) => new(null, false, null, PartialSuccess.Rejected(response));
}
