using System.Globalization;
using System.Net;
using System.Text;

namespace NoriKV.TestKit.Linearizability;

/// <summary>The drawing of a contradiction for a browser: no script, no other file, light and dark.</summary>
internal static class HtmlPicture
{
    private const int Width = 760, LaneHeight = 38, BarHeight = 24, Left = 96, Right = 260, Top = 12;

    public static string Page(string title, string body) => $$"""
        <!doctype html>
        <html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
        <title>{{WebUtility.HtmlEncode(title)}}</title>
        <style>
        :root { color-scheme: light dark; --ink: #1c2430; --soft: #5b6675; --line: #d8dee6; --paper: #fff; --card: #f6f8fa;
          --known: #3b7dd8; --culprit: #d03b3b; --unknown: #8a94a3; --good: #1f8a4c }
        @media (prefers-color-scheme: dark) { :root { --ink: #e6eaf0; --soft: #9aa5b4; --line: #303843; --paper: #14181e;
          --card: #1c222a; --known: #6aa5f5; --culprit: #f26d6d; --unknown: #7d8897; --good: #55c983 } }
        body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); max-width: 72rem;
          margin: 2.5rem auto; padding: 0 1.5rem }
        h1 { font-size: 1.5rem; margin: 0 0 .25rem } h2 { font-size: 1.1rem; margin: 2rem 0 .25rem }
        p { margin: .25rem 0 .75rem; color: var(--soft) }
        table { border-collapse: collapse; margin: 1rem 0 } td, th { text-align: left; padding: .3rem 1.2rem .3rem 0;
          border-bottom: 1px solid var(--line) } td.n, th.n { text-align: right }
        .yes { color: var(--good) } .no { color: var(--culprit); font-weight: 600 }
        figure { margin: 1rem 0; padding: .75rem; background: var(--card); border: 1px solid var(--line); border-radius: 8px;
          overflow-x: auto }
        svg { display: block; width: 100%; min-width: 46rem; height: auto }
        svg text { fill: var(--ink); font: 13px ui-monospace, monospace } svg .who { fill: var(--soft) }
        svg line { stroke: var(--line) }
        .known { fill: var(--known); fill-opacity: .22; stroke: var(--known) }
        .unknown { fill: none; stroke: var(--unknown); stroke-dasharray: 4 3 }
        .culprit { fill: var(--culprit); fill-opacity: .25; stroke: var(--culprit); stroke-width: 2 }
        svg text.accused { font-weight: 700 }
        ol { margin: .25rem 0 1rem; padding-left: 1.5rem; font: 13px/1.7 ui-monospace, monospace }
        </style></head><body>
        <h1>{{WebUtility.HtmlEncode(title)}}</h1>
        {{body}}
        </body></html>
        """;

    public static string Fragment(Contradiction contradiction)
    {
        PictureFrame frame = PictureFrame.Of(contradiction);
        int height = (frame.Drawn.Length * LaneHeight) + (2 * Top);
        string title = Encode($"key {contradiction.Key}: {frame.Count(contradiction)}");
        StringBuilder html = new();
        html.Append(CultureInfo.InvariantCulture, $"<h2>Key {Encode(contradiction.Key)}</h2>\n");
        html.Append(CultureInfo.InvariantCulture, $"<p>No order explains these calls: {frame.Count(contradiction)}. ");
        html.Append("Time runs to the right. Red: its return makes an order impossible. ");
        html.Append("Dashed: outcome unknown, or still open.</p>\n");
        html.Append(
            CultureInfo.InvariantCulture,
            $"<figure><svg role='img' aria-label='{title}' viewBox='0 0 {Left + Width + Right} {height}'>\n");
        AppendGrid(html, frame, height);
        for (int i = 0; i < frame.Drawn.Length; i++) AppendCall(html, frame, contradiction, i);
        html.Append("</svg></figure>\n");
        foreach (string note in ContradictionPicture.Notes(contradiction))
            html.Append(CultureInfo.InvariantCulture, $"<p>{Encode(note)}</p>\n");
        return html.ToString();
    }

    private static void AppendGrid(StringBuilder html, PictureFrame frame, int height)
    {
        foreach (int x in frame.Drawn.Select(o => Left + frame.Column(o.Called, Width)).Distinct())
            html.Append(CultureInfo.InvariantCulture, $"<line x1='{x}' y1='4' x2='{x}' y2='{height - 4}'/>");
        html.Append('\n');
    }

    private static void AppendCall(StringBuilder html, PictureFrame frame, Contradiction contradiction, int row)
    {
        Operation o = frame.Drawn[row];
        bool accused = PictureFrame.IsCulprit(o, contradiction);
        int from = Left + frame.Column(o.Called, Width);
        int to = Left + (o.IsKnown ? frame.Column(o.Returned, Width) : Width);
        int y = (row * LaneHeight) + Top, baseline = y + 17;
        string kind = accused ? "culprit" : o.IsKnown ? "known" : "unknown";
        html.Append(CultureInfo.InvariantCulture, $"<text class='who' x='4' y='{baseline}'>client {o.Client}</text>");
        html.Append(
            CultureInfo.InvariantCulture,
            $"<rect class='{kind}' x='{from}' y='{y}' width='{Math.Max(6, to - from)}' height='{BarHeight}' rx='5'/>");
        html.Append(
            CultureInfo.InvariantCulture,
            $"<text{(accused ? " class='accused'" : "")} x='{from + 8}' y='{baseline}'>{Encode(o.ToString())} "
            + $"<tspan class='who'>@{ContradictionPicture.When(o)}</tspan></text>\n");
    }

    private static string Encode(string text) => WebUtility.HtmlEncode(text);
}
