using System.Globalization;

namespace Nori.Swim.Core.Tests.Simulation;

/// <summary>
/// The measured rows, kept in a file beside the docs as they come: a run that is cut goes on where it was. A row is its
/// key and its numbers; simulations are seeded, so measuring it again gives the same.
/// </summary>
internal sealed class FigureRows
{
    private readonly string _file;
    private readonly Dictionary<string, double[]> _rows = new(StringComparer.Ordinal);

    public FigureRows(string file)
    {
        _file = file;
        if (!File.Exists(file)) return;
        foreach (string line in File.ReadLines(file).Where(static l => l.Length > 0 && l[0] != '#'))
        {
            string[] parts = line.Split('\t');
            _rows[parts[0]] = [.. parts.Skip(1).Select(static p => double.Parse(p, CultureInfo.InvariantCulture))];
        }
    }

    public double[]? Find(string key) => _rows.GetValueOrDefault(key);

    /// <summary>True when it was measured now, false when it was there.</summary>
    public bool TryMeasure(string key, Func<double[]> measure)
    {
        if (_rows.ContainsKey(key)) return false;
        _rows[key] = [.. measure().Select(Rounded)];
        File.AppendAllText(_file, key + "\t" + string.Join('\t', _rows[key].Select(Text)) + "\n");
        return true;
    }

    public static double Rounded(double value) => Math.Round(value, 3);

    private static string Text(double value) => value.ToString("0.###", CultureInfo.InvariantCulture);
}
