namespace NoriKV.Node;

/// <summary>What came of a request, as a metric label.</summary>
public enum RequestResult
{
    /// <summary>It failed.</summary>
    Error,

    /// <summary>It was done.</summary>
    Done,

    /// <summary>The key was there.</summary>
    Found,

    /// <summary>The key was not there.</summary>
    Missing,
}
