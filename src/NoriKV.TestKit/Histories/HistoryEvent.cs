namespace NoriKV.TestKit.Histories;

/// <summary>What happened to a call.</summary>
internal enum HistoryEvent
{
    /// <summary>It was called.</summary>
    Invoke,

    /// <summary>It returned, and was done.</summary>
    Ok,

    /// <summary>It returned, and was not done: of a compare-and-set, because it found another value.</summary>
    Fail,

    /// <summary>Its outcome is not known.</summary>
    Info,
}
