namespace NoriKV.Node.Tracing;

/// <summary>A stage of a request.</summary>
/// <param name="Name">Which: one of <see cref="StageNames"/>.</param>
/// <param name="Node">The node on which it passed.</param>
/// <param name="Start">When it began, counted from the request's receipt.</param>
/// <param name="Length">How long it took; until the answer, where it was not over by then.</param>
/// <param name="Detail">What else there is to know: a peer's id, why a try failed; empty for nothing.</param>
/// <param name="IsOpen">It was not over when the request was answered.</param>
public readonly record struct TraceStage(
    string Name, string Node, TimeSpan Start, TimeSpan Length, string Detail = "", bool IsOpen = false);
