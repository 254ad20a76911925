using System.Globalization;
using System.Net;
using System.Text;

namespace NoriKV.TestKit.Linearizability;

/// <summary>Draws a contradiction: a lane for each client, time from left to right, the last calls only.</summary>
public static class ContradictionPicture
{
    /// <summary>How many calls before the culprit are drawn. <value>12</value></summary>
    public const int CallsDrawnMax = 12;

    /// <summary>As text, one line a call, for a terminal.</summary>
    public static string ToText(Contradiction contradiction)
    {
        (Operation[] drawn, long[] times) = Frame(contradiction);
        const int Width = 48;
        StringBuilder text = new();
        text.Append(CultureInfo.InvariantCulture, $"key {contradiction.Key}: no order explains these calls");
        text.Append(CultureInfo.InvariantCulture, $" (the last {drawn.Length} of {contradiction.Operations.Count})\n");
        foreach (Operation o in drawn)
        {
            int from = Column(times, o.Called, Width);
            int to = o.IsKnown ? Math.Max(from + 1, Column(times, o.Returned, Width)) : Width;
            char[] lane = new string(' ', Width + 1).ToCharArray();
            for (int i = from; i <= to && i <= Width; i++) lane[i] = '-';
            lane[from] = '|';
            lane[Math.Min(to, Width)] = o.IsKnown ? '|' : '>';
            char mark = IsCulprit(o, contradiction) ? '*' : ' ';
            text.Append(CultureInfo.InvariantCulture, $"{mark} client {o.Client,3} {new string(lane)} {o}\n");
        }

        return text.ToString();
    }

    /// <summary>As a page of its own with one drawing, for a browser.</summary>
    public static string ToHtml(Contradiction contradiction)
    {
        (Operation[] drawn, long[] times) = Frame(contradiction);
        const int Width = 900, Lane = 34, Left = 90;
        StringBuilder bars = new();
        for (int i = 0; i < drawn.Length; i++)
        {
            Operation o = drawn[i];
            int from = Left + Column(times, o.Called, Width);
            int to = Left + (o.IsKnown ? Column(times, o.Returned, Width) : Width);
            string kind = IsCulprit(o, contradiction) ? "culprit" : o.IsKnown ? "known" : "unknown";
            int y = (i * Lane) + 10;
            bars.Append(CultureInfo.InvariantCulture, $"<text x='8' y='{y + 17}'>client {o.Client}</text>");
            bars.Append(
                CultureInfo.InvariantCulture,
                $"<rect class='{kind}' x='{from}' y='{y}' width='{Math.Max(4, to - from)}' height='24' rx='4'/>");
            bars.Append(
                CultureInfo.InvariantCulture,
                $"<text x='{from + 6}' y='{y + 17}'>{WebUtility.HtmlEncode(o.ToString())}</text>\n");
        }

        string title = WebUtility.HtmlEncode($"key {contradiction.Key}: no order explains these calls");
        return $$"""
            <!doctype html><html lang="en"><meta charset="utf-8"><title>{{title}}</title>
            <style>
            :root { color-scheme: light dark }
            body { font: 14px system-ui, sans-serif; margin: 2em }
            text { fill: currentColor; font: 13px ui-monospace, monospace }
            .known { fill: #4a90d955; stroke: #4a90d9 } .unknown { fill: none; stroke: #999; stroke-dasharray: 4 }
            .culprit { fill: #d9484855; stroke: #d94848; stroke-width: 2 }
            </style>
            <h1>{{title}}</h1>
            <p>Time runs to the right. Dashed: outcome unknown. Red: its return makes an order impossible.
            The last {{drawn.Length}} of {{contradiction.Operations.Count}} calls.</p>
            <svg role="img" aria-label="{{title}}" width="{{Left + Width + 200}}" height="{{(drawn.Length * Lane) + 20}}">
            {{bars}}</svg></html>
            """;
    }

    private static (Operation[] Drawn, long[] Times) Frame(Contradiction contradiction)
    {
        Operation[] drawn = [.. contradiction.Operations.OrderBy(o => o.Returned).ThenBy(o => o.Called)];
        int known = Array.FindIndex(drawn, o => !o.IsKnown) is var first and >= 0 ? first : drawn.Length;
        Operation[] shown = [.. drawn[Math.Max(0, known - CallsDrawnMax)..].Take(2 * CallsDrawnMax).OrderBy(o => o.Called)];
        long[] times =
        [
            .. shown.SelectMany(o => o.IsKnown ? [o.Called, o.Returned] : new[] { o.Called }).Distinct().Order(),
        ];
        return (shown, times);
    }

    // By rank, not by clock: a long silence would squeeze what matters into one column.
    private static int Column(long[] times, long time, int width) =>
        (int)((long)Array.BinarySearch(times, time) * width / Math.Max(1, times.Length));

    private static bool IsCulprit(Operation o, Contradiction c) => o.Client == c.Culprit.Client && o.Called == c.Culprit.Called;
}
