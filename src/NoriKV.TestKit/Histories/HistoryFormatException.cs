namespace NoriKV.TestKit.Histories;

/// <summary>A history cannot be read: says where, and what is wrong there.</summary>
public sealed class HistoryFormatException(string file, int line, int column, string problem)
    : Exception($"{file}:{line}:{column}: {problem}")
{
    /// <summary>What the history is called.</summary>
    public string File { get; } = file;

    /// <summary>The line, counted from 1.</summary>
    public int Line { get; } = line;

    /// <summary>The character in the line, counted from 1.</summary>
    public int Column { get; } = column;

    /// <summary>What is wrong there.</summary>
    public string Problem { get; } = problem;
}
