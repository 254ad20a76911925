using System.Globalization;
using System.Text;

namespace Nori.Swim.Core.Tests.Simulation;

/// <summary>Small charts as SVG, readable on a light and on a dark page.</summary>
internal static class Plot
{
    private const double Left = 76, Top = 44, Width = 470, Height = 260;
    private static readonly string[] Colours = ["#0b6e99", "#b3541e", "#2e7d32"];

    /// <summary>Curves over the decimal logarithm of the number of members; those named "without …" are dashed.</summary>
    public static void Lines(
        string file, string title, IReadOnlyList<(string Name, List<(double X, double Y)> Points)> curves)
    {
        curves = [.. curves.Where(static c => c.Points.Count > 0)];
        if (curves.Count == 0) return;
        double yMax = 2 * Math.Ceiling(curves.SelectMany(c => c.Points).Max(p => p.Y) / 2);
        double[] xs = [.. curves.SelectMany(c => c.Points).Select(p => p.X).Distinct().Order()];
        using Svg svg = new(file, title, 780, 350);
        for (int i = 0; i <= 4; i++) svg.Rule(Top + Height - (Height * i / 4), yMax * i / 4, Width);
        foreach (double x in xs) svg.Text(At(x), Top + Height + 18, $"{Math.Round(Math.Pow(10, x))}", "middle");
        svg.Text(Left + (Width / 2), Top + Height + 38, "members", "middle");
        int colour = -1;
        for (int c = 0; c < curves.Count; c++)
        {
            (string name, List<(double X, double Y)> points) = curves[c];
            bool isDashed = name.StartsWith("without", StringComparison.Ordinal);
            if (!isDashed) colour = (colour + 1) % Colours.Length;
            string style = $"fill='none' stroke='{Colours[colour]}' stroke-width='2'"
                + (isDashed ? " stroke-dasharray='5 4'" : string.Empty);
            svg.Line($"<polyline {style} points='{string.Join(' ', points.Select(p =>
                FormattableString.Invariant($"{At(p.X):0.0},{Y(p.Y):0.0}")))}'/>");
            if (!isDashed)
            {
                foreach ((double x, double y) in points)
                    svg.Line($"<circle cx='{At(x):0.0}' cy='{Y(y):0.0}' r='3' fill='{Colours[colour]}'/>");
            }

            double legend = Top + 10 + (22 * c);
            svg.Line($"<line {style} x1='565' y1='{legend - 4}' x2='595' y2='{legend - 4}'/>");
            svg.Text(602, legend, name, "start");
        }

        double At(double x) => Left + (Width * (x - xs[0]) / Math.Max(0.001, xs[^1] - xs[0]));
        double Y(double y) => Top + Height - (Height * y / yMax);
    }

    /// <summary>Pairs of bars on a logarithmic axis; nothing is written as 0.</summary>
    public static void Bars(string file, string title, IReadOnlyList<(string Name, double With, double Without)> groups)
    {
        if (groups.Count == 0) return;
        double most = Math.Max(10, groups.Max(g => Math.Max(g.With, g.Without)));
        int decades = (int)Math.Ceiling(Math.Log10(most));
        const double step = 44;
        double width = step * groups.Count;
        using Svg svg = new(file, title, Left + width + 40, 420);
        for (int d = 0; d <= decades; d++) svg.Rule(Top + Height - (Height * d / decades), Math.Pow(10, d), width);
        for (int i = 0; i < groups.Count; i++)
        {
            double x = Left + (step * i) + 4;
            Bar(x, groups[i].With, Colours[0]);
            Bar(x + 18, groups[i].Without, Colours[1]);
            double y = Top + Height + 10;
            svg.Line($"<text x='{x + 18}' y='{y}' text-anchor='end' transform='rotate(-45 {x + 18} {y})'>{
                groups[i].Name}</text>");
        }

        svg.Line($"<rect x='{Left}' y='396' width='12' height='12' fill='{Colours[0]}'/>");
        svg.Text(Left + 18, 406, "with Lifeguard and ours", "start");
        svg.Line($"<rect x='{Left + 190}' y='396' width='12' height='12' fill='{Colours[1]}'/>");
        svg.Text(Left + 208, 406, "without", "start");

        void Bar(double x, double value, string fill)
        {
            double high = Math.Max(2, value < 1 ? 0 : Height * Math.Log10(value) / decades), y = Top + Height - high;
            if (value > 0) svg.Line($"<rect x='{x}' y='{y:0.0}' width='16' height='{high:0.0}' fill='{fill}'/>");
            else svg.Line($"<text x='{x + 8}' y='{Top + Height - 4}' text-anchor='middle' fill='{fill}'>0</text>");
        }
    }

    private sealed class Svg : IDisposable
    {
        private readonly StringBuilder _text = new();
        private readonly string _file;

        public Svg(string file, string title, double width, double height)
        {
            _file = file;
            string size = FormattableString.Invariant($"width='{width}' height='{height}' viewBox='0 0 {width} {height}'");
            Line($"<svg xmlns='http://www.w3.org/2000/svg' {size} font-family='sans-serif' font-size='12'>");
            Line($"<rect width='{width}' height='{height}' fill='white'/>");
            Line($"<text x='{Left}' y='22' font-size='14'>{title}</text>");
        }

        public void Line(FormattableString line) => _text.Append(line.ToString(CultureInfo.InvariantCulture)).Append('\n');

        public void Text(double x, double y, string text, string anchor) =>
            Line($"<text x='{x:0.0}' y='{y:0.0}' text-anchor='{anchor}'>{text}</text>");

        public void Rule(double y, double value, double width)
        {
            Line($"<line x1='{Left}' y1='{y:0.0}' x2='{Left + width}' y2='{y:0.0}' stroke='#dddddd'/>");
            Text(Left - 8, y + 4, value.ToString("#,0.#", CultureInfo.InvariantCulture), "end");
        }

        public void Dispose()
        {
            Line($"</svg>");
            File.WriteAllText(_file, _text.ToString());
        }
    }
}
