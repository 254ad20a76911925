namespace Nori.Observe;

/// <summary>A stage of a <see cref="Span"/>: where its time went.</summary>
/// <param name="Name">Which stage.</param>
/// <param name="Id">Its own id as a span, a child of the one it belongs to.</param>
/// <param name="Start">When it began.</param>
/// <param name="Duration">How long it took.</param>
/// <param name="Detail">What else there is to know, never a key, a value or an address; empty for nothing.</param>
/// <param name="IsBeside">It ran beside the others: its time is not part of what the span had to wait for.</param>
public readonly record struct SpanStage(
    string Name, ulong Id, DateTimeOffset Start, TimeSpan Duration, string Detail = "", bool IsBeside = false);
