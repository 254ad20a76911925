using System.Text;

namespace Nori.Observe.Prometheus;

/// <summary>The labels of a series: sorted by name, and as they are written between the braces.</summary>
internal readonly record struct SeriesLabels(Label[] Sorted, string Written)
{
    public static SeriesLabels None { get; } = new([], string.Empty);

    public static SeriesLabels Of(params ReadOnlySpan<Label> labels)
    {
        if (labels.IsEmpty) return None;
        Label[] sorted = labels.ToArray();
        Array.Sort(sorted, static (a, b) => string.CompareOrdinal(a.Name, b.Name));
        StringBuilder text = new();
        foreach (Label label in sorted)
        {
            text.Append(text.Length > 0 ? "," : "").Append(label.Name).Append("=\"");
            text.Append(SeriesWriter.EscapeLabel(label.Value)).Append('"');
        }

        return new SeriesLabels(sorted, text.ToString());
    }
}
