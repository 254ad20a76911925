namespace Nori.Observe;

/// <summary>Which side of a call a span describes; the numbers are those of OTLP.</summary>
public enum SpanKind
{
    /// <summary>Work inside the process.</summary>
    Internal = 1,

    /// <summary>The side that answers.</summary>
    Server = 2,

    /// <summary>The side that asks.</summary>
    Client = 3,
}
