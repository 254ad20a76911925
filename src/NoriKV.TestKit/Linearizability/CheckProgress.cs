namespace NoriKV.TestKit.Linearizability;

/// <summary>How far a check is.</summary>
/// <param name="Calls">Calls judged.</param>
/// <param name="CallsAll">Calls of the history.</param>
public readonly record struct CheckProgress(long Calls, long CallsAll);
