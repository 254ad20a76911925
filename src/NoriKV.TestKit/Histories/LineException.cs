namespace NoriKV.TestKit.Histories;

/// <summary>A line cannot be read; the reader of the history adds which one it was.</summary>
internal sealed class LineException(int column, string problem) : Exception(problem)
{
    /// <summary>The character, counted from 1.</summary>
    public int Column { get; } = column;
}
