using Nori.Observe;

namespace NoriKV.Node;

/// <summary>Who asks and until when.</summary>
/// <param name="Deadline">
/// A <see cref="TimeProvider"/> timestamp after which an answer is worthless; <see cref="long.MaxValue"/> for
/// none. The node answers a little earlier.
/// </param>
/// <param name="Principal">Whom the authorizer judges; empty for an anonymous caller.</param>
/// <param name="CancellationToken">
/// The caller gave up. Honoured before the durable step, never behind it.
/// </param>
public readonly record struct RequestContext(long Deadline, string Principal, CancellationToken CancellationToken)
{
    /// <summary>The request in its trace; null where that is not recorded. Whoever made the context ends it.</summary>
    public Span? Span { get; init; }
}
