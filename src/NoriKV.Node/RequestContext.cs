using NoriKV.Node.Tracing;

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
    /// <summary>Gathers the request's stages; null where it is not traced. Whoever made the context ends it.</summary>
    public RequestProbe? Probe { get; init; }
}
