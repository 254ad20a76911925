using NoriKV.TestKit.Linearizability;

namespace NoriKV.TestKit.Histories;

/// <summary>One event of a recorded history, whatever its form.</summary>
internal sealed record HistoryLine(
    int Process, HistoryEvent Event, OperationKind Kind, string Key, string? Value, string? Expected)
{
    /// <summary>The key of histories that have one register only.</summary>
    public const string Register = "register";

    /// <summary>Reads a line; null for one that tells of no client's call.</summary>
    /// <exception cref="LineException">It cannot be read.</exception>
    public static HistoryLine? Parse(string line)
    {
        int start = line.AsSpan().IndexOfAnyExcept(' ', '\t');
        if (line[start] != '{') return JepsenForm.Parse(line);
        int second = start + 1 + Math.Max(0, line.AsSpan(start + 1).IndexOfAnyExcept(' ', '\t'));
        return second < line.Length && line[second] == ':' ? EdnForm.Parse(line) : JsonForm.Parse(line);
    }

    public static OperationKind? KindOf(ReadOnlySpan<char> word) => word switch
    {
        "read" or "get" => OperationKind.Read,
        "write" or "put" => OperationKind.Write,
        "cas" => OperationKind.CompareAndSet,
        "append" => OperationKind.Append,
        "delete" => OperationKind.Delete,
        _ => null,
    };

    public static HistoryEvent? EventOf(ReadOnlySpan<char> word) => word switch
    {
        "invoke" => HistoryEvent.Invoke,
        "ok" => HistoryEvent.Ok,
        "fail" => HistoryEvent.Fail,
        "info" => HistoryEvent.Info,
        _ => null,
    };
}
