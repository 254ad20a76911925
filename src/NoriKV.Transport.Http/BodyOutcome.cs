namespace NoriKV.Transport.Http;

/// <summary>How reading a body ended.</summary>
internal enum BodyOutcome
{
    /// <summary>It is all there.</summary>
    Complete,

    /// <summary>It exceeds the bound: 413.</summary>
    TooLarge,

    /// <summary>It did not arrive in time: 408.</summary>
    TooSlow,

    /// <summary>Its framing is broken: 400.</summary>
    Malformed,

    /// <summary>All memory for bodies is in use: 429.</summary>
    NoMemory,

    /// <summary>The sender went away.</summary>
    Aborted,
}
