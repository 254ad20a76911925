using NoriKV.TestKit.Linearizability;

namespace NoriKV.TestKit.Histories;

/// <summary>Writes a history as JSON lines, which <see cref="HistoryReader"/> and <c>norikv check-history</c> read.</summary>
public static class HistoryWriter
{
    /// <summary>
    /// Writes the calls and returns in the order of their times; at equal times calls before returns, so that nothing which
    /// was concurrent becomes ordered. A client must not have two calls open at once.
    /// </summary>
    public static void Write(IEnumerable<Operation> history, TextWriter output)
    {
        List<(long Time, int Order, Operation Operation)> events = [];
        foreach (Operation operation in history)
        {
            events.Add((operation.Called, 0, operation));
            // Nobody waits for an unknown outcome: its client may call again.
            events.Add((operation.IsKnown ? operation.Returned : operation.Called, 1, operation));
        }

        foreach ((_, int order, Operation o) in events.OrderBy(e => (e.Time, e.Order)))
        {
            HistoryLine call = new(o.Client, HistoryEvent.Invoke, o.Kind, o.Key, o.Argument, o.Expected);
            HistoryLine line = order == 0 ? call : call with
            {
                Event = !o.IsKnown ? HistoryEvent.Info : o.Succeeded ? HistoryEvent.Ok : HistoryEvent.Fail,
                Value = o.Kind == OperationKind.Read ? o.Result : null,
                Expected = null,
            };
            output.WriteLine(JsonForm.Write(line));
        }
    }
}
