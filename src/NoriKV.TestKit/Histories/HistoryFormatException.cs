namespace NoriKV.TestKit.Histories;

/// <summary>A history cannot be read: says which line and what is wrong with it.</summary>
public sealed class HistoryFormatException(string file, int line, string problem)
    : Exception($"{file}:{line}: {problem}")
{
    /// <summary>The line, counted from 1.</summary>
    public int Line { get; } = line;
}
