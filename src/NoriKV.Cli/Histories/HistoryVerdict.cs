using NoriKV.TestKit.Linearizability;

namespace NoriKV.Cli.Histories;

/// <summary>What came of one file.</summary>
/// <param name="File">Its name, as given.</param>
/// <param name="Calls">Calls that it tells of.</param>
/// <param name="Verdict">Null when it cannot be read, or holds no calls.</param>
/// <param name="Problem">Then why, with line and column; or why there is no answer. Null for one that is judged.</param>
/// <param name="Took">How long it took to read and to judge it, together.</param>
internal sealed record HistoryVerdict(string File, int Calls, Verdict? Verdict, string? Problem, TimeSpan Took);
