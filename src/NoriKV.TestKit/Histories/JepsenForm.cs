using NoriKV.TestKit.Linearizability;

namespace NoriKV.TestKit.Histories;

/// <summary>A line of a Jepsen log: <c>INFO  jepsen.util - 0  :invoke  :cas  [1 2]</c>.</summary>
internal static class JepsenForm
{
    public static HistoryLine? Parse(string line)
    {
        LineScanner scanner = new(line);
        int level = scanner.Column;
        if (scanner.TakeWord("a level").ContainsAnyExceptInRange('A', 'Z'))
            throw new LineException(level, "expected INFO jepsen.util - PROCESS :TYPE :F VALUE, or an object in braces");
        // Other lines of such a log are of no call: "INFO jepsen.core - …", of the nemesis.
        if (scanner.TakeWord("jepsen.util") is not "jepsen.util") return null;
        if (scanner.TakeWord("-") is not "-") throw scanner.Problem("expected '-' before the process");
        int column = scanner.NextColumn();
        ReadOnlySpan<char> process = scanner.TakeWord("a process");
        if (process[0] == ':') return null;
        if (!int.TryParse(process, out int number)) throw new LineException(column, $"'{process}' is not the number of a process");
        HistoryEvent type = TakeEvent(ref scanner);
        OperationKind kind = TakeKind(ref scanner);
        List<string?> values = scanner.AtEnd() ? [] : scanner.TakeValue();
        if (!scanner.AtEnd()) throw scanner.Problem("expected the end of the line behind the value");
        return Build(number, type, kind, HistoryLine.Register, values);
    }

    public static HistoryEvent TakeEvent(ref LineScanner scanner)
    {
        int column = scanner.NextColumn();
        ReadOnlySpan<char> word = scanner.TakeKeyword("a type");
        return HistoryLine.EventOf(word)
            ?? throw new LineException(column, $"unknown type :{word}; known: :invoke, :ok, :fail, :info");
    }

    public static OperationKind TakeKind(ref LineScanner scanner)
    {
        int column = scanner.NextColumn();
        ReadOnlySpan<char> word = scanner.TakeKeyword("an operation");
        return HistoryLine.KindOf(word) ?? throw new LineException(
            column, $"unknown operation :{word}; known: :read, :get, :write, :put, :cas, :append, :delete");
    }

    public static HistoryLine Build(
        int process, HistoryEvent type, OperationKind kind, string key, List<string?> values)
    {
        bool pair = kind == OperationKind.CompareAndSet && values.Count == 2;
        return new HistoryLine(process, type, kind, key, values.LastOrDefault(), pair ? values[0] : null);
    }
}
