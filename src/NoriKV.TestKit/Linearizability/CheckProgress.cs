namespace NoriKV.TestKit.Linearizability;

/// <summary>How far a check is.</summary>
/// <param name="Calls">Calls judged.</param>
/// <param name="CallsAll">Calls of the history.</param>
/// <param name="States">States looked at for the key that is being judged; 0 between two keys.</param>
public readonly record struct CheckProgress(long Calls, long CallsAll, long States = 0);
