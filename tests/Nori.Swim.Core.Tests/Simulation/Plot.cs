using System.Globalization;
using System.Text;

namespace Nori.Swim.Core.Tests.Simulation;

/// <summary>A small line chart as SVG; x is the decimal logarithm of the number of members.</summary>
internal static class Plot
{
    private const double Left = 50, Top = 40, Width = 480, Height = 260;
    private static readonly string[] Colours = ["#0b6e99", "#b3541e", "#2e7d32", "#8e44ad", "#555555", "#c0392b"];

    public static void Write(string file, string title, IReadOnlyList<(string Name, List<(double X, double Y)> Points)> curves)
    {
        double yMax = Math.Ceiling(curves.SelectMany(c => c.Points).Where(p => double.IsFinite(p.Y)).Max(p => p.Y));
        double xMin = curves.SelectMany(c => c.Points).Min(p => p.X), xMax = curves.SelectMany(c => c.Points).Max(p => p.X);
        StringBuilder svg = new();
        Line($"<svg xmlns='http://www.w3.org/2000/svg' width='760' height='350' font-family='sans-serif' font-size='12'>");
        Line($"<rect width='760' height='350' fill='white'/>");
        Line($"<text x='{Left}' y='22' font-size='14'>{title}</text>");
        for (int i = 0; i <= 4; i++)
        {
            double y = Top + Height - (Height * i / 4);
            Line($"<line x1='{Left}' y1='{y}' x2='{Left + Width}' y2='{y}' stroke='#dddddd'/>");
            Line($"<text x='{Left - 8}' y='{y + 4}' text-anchor='end'>{yMax * i / 4:0.#}</text>");
        }

        foreach (double x in curves[0].Points.Select(p => p.X))
            Line($"<text x='{At(x)}' y='{Top + Height + 18}' text-anchor='middle'>{Math.Round(Math.Pow(10, x))}</text>");
        Line($"<text x='{Left + (Width / 2)}' y='{Top + Height + 38}' text-anchor='middle'>members</text>");
        for (int c = 0; c < curves.Count; c++)
        {
            IEnumerable<string> points = curves[c].Points
                .Where(p => double.IsFinite(p.Y))
                .Select(p => FormattableString.Invariant($"{At(p.X):0.0},{Top + Height - (Height * p.Y / yMax):0.0}"));
            string dash = curves[c].Name.StartsWith("without", StringComparison.Ordinal) ? " stroke-dasharray='5 4'" : string.Empty;
            string colour = Colours[c % Colours.Length];
            Line($"<polyline fill='none' stroke='{colour}' stroke-width='2'{dash} points='{string.Join(' ', points)}'/>");
            double y = Top + 14 + (20 * c);
            Line($"<line x1='545' y1='{y - 4}' x2='570' y2='{y - 4}' stroke='{colour}' stroke-width='2'{dash}/>");
            Line($"<text x='576' y='{y}'>{curves[c].Name}</text>");
        }

        Line($"</svg>");
        File.WriteAllText(file, svg.ToString());

        double At(double x) => Left + (Width * (x - xMin) / (xMax - xMin));
        void Line(FormattableString line) => svg.Append(line.ToString(CultureInfo.InvariantCulture)).Append('\n');
    }
}
