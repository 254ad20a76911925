using System.Net;
using System.Text;
using NoriKV.TestKit.Linearizability;

namespace NoriKV.Cli.Histories;

/// <summary>The page of <c>check-history --html</c>.</summary>
internal static class HistoryPage
{
    public static string Of(IReadOnlyList<HistoryVerdict> verdicts)
    {
        int bad = verdicts.Count(static v => v.Verdict?.Contradiction is not null);
        int unread = verdicts.Count(static v => v.Problem is not null);
        string title = (bad, unread) switch
        {
            (0, 0) => verdicts.Count == 1 ? "The history is linearizable" : $"All {verdicts.Count} histories are linearizable",
            (0, _) => $"{unread} of {verdicts.Count} histories cannot be judged",
            _ => verdicts.Count == 1 ? "The history is not linearizable" : $"{bad} of {verdicts.Count} histories are not linearizable",
        };
        StringBuilder body = new();
        body.Append("<table><tr><th>history<th>verdict<th>what it holds</tr>\n");
        foreach (HistoryVerdict v in verdicts)
        {
            string word = v.Verdict is null ? "cannot be judged"
                : v.Problem is not null ? "undecided"
                : v.Verdict.IsLinearizable ? "linearizable"
                : "not linearizable";
            string kind = v.Verdict is { IsLinearizable: true } ? "yes" : "no";
            string holds = v.Problem ?? HistoryOutput.Figures(v.Calls, v.Verdict!);
            body.Append($"<tr><td>{Encode(v.File)}<td class='{kind}'>{word}<td>{Encode(holds)}</tr>\n");
        }

        body.Append("</table>\n");
        foreach (HistoryVerdict v in verdicts)
        {
            if (v.Verdict?.Contradiction is not { } contradiction) continue;
            if (verdicts.Count > 1) body.Append($"<h2>{Encode(v.File)}</h2>\n");
            body.Append(ContradictionPicture.ToHtmlFragment(contradiction));
        }

        return ContradictionPicture.PageOf(title, body.ToString());
    }

    private static string Encode(string text) => WebUtility.HtmlEncode(text);
}
