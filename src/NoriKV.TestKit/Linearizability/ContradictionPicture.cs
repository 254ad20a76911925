using System.Globalization;
using System.Text;

namespace NoriKV.TestKit.Linearizability;

/// <summary>Draws a contradiction: time from left to right, a bar for each call, the last calls only.</summary>
public static class ContradictionPicture
{
    /// <summary>How many calls before the culprit are drawn. <value>12</value></summary>
    public const int CallsDrawnMax = 12;

    private const int OrderShownMax = 2 * CallsDrawnMax;

    /// <summary>As text, one line a call, for a terminal.</summary>
    public static string ToText(Contradiction contradiction)
    {
        PictureFrame frame = PictureFrame.Of(contradiction);
        const int Width = 48;
        StringBuilder text = new();
        text.Append(CultureInfo.InvariantCulture, $"key {contradiction.Key}: no order explains these calls");
        text.Append(CultureInfo.InvariantCulture, $" ({frame.Count(contradiction)})\n");
        foreach (Operation o in frame.Drawn)
        {
            int from = frame.Column(o.Called, Width);
            int to = o.IsKnown ? Math.Max(from + 1, frame.Column(o.Returned, Width)) : Width;
            char[] lane = new string(' ', Width + 1).ToCharArray();
            for (int i = from; i <= to && i <= Width; i++) lane[i] = '-';
            lane[from] = '|';
            lane[Math.Min(to, Width)] = o.IsKnown ? '|' : '>';
            char mark = PictureFrame.IsCulprit(o, contradiction) ? '*' : ' ';
            text.Append(CultureInfo.InvariantCulture, $"{mark} client {o.Client,3} {new string(lane)} {o}  @{When(o)}\n");
        }

        foreach (string note in Notes(contradiction)) text.Append(note).Append('\n');
        return text.ToString();
    }

    /// <summary>As a page of its own with one drawing, for a browser.</summary>
    public static string ToHtml(Contradiction contradiction) => HtmlPicture.Page(
        $"key {contradiction.Key}: no order explains these calls", ToHtmlFragment(contradiction));

    /// <summary>As a part of a page that <see cref="PageOf"/> makes.</summary>
    public static string ToHtmlFragment(Contradiction contradiction) => HtmlPicture.Fragment(contradiction);

    /// <summary>A page of its own, which needs no other file.</summary>
    /// <param name="title">As plain text.</param>
    /// <param name="body">As HTML.</param>
    public static string PageOf(string title, string body) => HtmlPicture.Page(title, body);

    /// <summary>From when to when; of a history from a file these are lines.</summary>
    internal static string When(Operation o) => o.IsKnown ? $"{o.Called}-{o.Returned}" : $"{o.Called}-";

    /// <summary>What the picture cannot show, one sentence each.</summary>
    internal static IEnumerable<string> Notes(Contradiction contradiction)
    {
        if (contradiction.Order.Count > 0)
        {
            string rest = contradiction.Order.Count > OrderShownMax ? ", …" : string.Empty;
            string order = string.Join(", ", contradiction.Order.Take(OrderShownMax).Select(o => $"{o} (client {o.Client})"));
            yield return $"Without the marked call there is an order: {order}{rest}.";
        }

        if (contradiction.BeginsAnywhere) yield return "So it is whatever the value was before the first of them.";
        string[] free =
        [
            .. contradiction.FreeValues
                .Where(v => contradiction.Operations.Any(o => (o.Kind == OperationKind.Read ? o.Result : o.Expected) == v))
                .Select(Operation.Show),
        ];
        if (free.Length > 0)
            yield return $"So it is even if others could write {string.Join(" or ", free)} at any time.";
    }
}
