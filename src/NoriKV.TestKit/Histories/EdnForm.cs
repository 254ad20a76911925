using NoriKV.TestKit.Linearizability;

namespace NoriKV.TestKit.Histories;

/// <summary>
/// A map of EDN: <c>{:process 0, :type :invoke, :f :get, :key "a", :value nil}</c>, its members in any order; also what Jepsen
/// writes as history.edn. Without <c>:key</c> the history is of one register.
/// </summary>
internal static class EdnForm
{
    public static HistoryLine? Parse(string line)
    {
        LineScanner scanner = new(line);
        (int? process, HistoryEvent? type, string key) = (null, null, HistoryLine.Register);
        LineScanner operation = default;
        bool hasOperation = false;
        List<string?> values = [];
        bool isClient = true;
        scanner.Take('{');
        while (!scanner.TryTake('}'))
        {
            if (scanner.AtEnd()) throw scanner.Problem("expected '}', found the end of the line");
            switch (scanner.TakeKeyword("a name"))
            {
                case "process":
                    int column = scanner.NextColumn();
                    ReadOnlySpan<char> word = scanner.TakeWord("a process");
                    if (word[0] == ':') isClient = false;
                    else if (int.TryParse(word, out int number)) process = number;
                    else throw new LineException(column, $"'{word}' is not the number of a process");
                    break;
                case "type":
                    type = JepsenForm.TakeEvent(ref scanner);
                    break;
                case "f":
                    // Judged at the end: the nemesis has words of its own.
                    operation = scanner;
                    hasOperation = true;
                    scanner.Skip();
                    break;
                case "key":
                    key = scanner.TakeValue() is [{ } text] ? text : throw scanner.Problem("a key is a string or a number");
                    break;
                case "value":
                    values = scanner.TakeValue();
                    break;
                default:
                    scanner.Skip();
                    break;
            }
        }

        if (!isClient) return null;
        if (!scanner.AtEnd()) throw scanner.Problem("expected the end of the line behind '}'");
        return JepsenForm.Build(
            process ?? throw scanner.Problem("there is no :process"),
            type ?? throw scanner.Problem("there is no :type"),
            hasOperation ? JepsenForm.TakeKind(ref operation) : throw scanner.Problem("there is no :f"),
            key,
            values);
    }
}
