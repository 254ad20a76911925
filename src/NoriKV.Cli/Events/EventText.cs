using System.Text;
using System.Text.Json;

namespace NoriKV.Cli.Events;

/// <summary>
/// An event as people read it: <c>2026-11-21T09:30:00.123Z n1 Wal.SegmentRoll seg=3 bytes=134217728</c>, on one line whatever it
/// quotes.
/// </summary>
internal static class EventText
{
    private static readonly string[] Shown = ["seq", "epoch", "t", "node", "family", "kind"];

    /// <summary>The line; what is no event is shown as it is.</summary>
    public static string Of(string json)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(json);
            return document.RootElement.ValueKind == JsonValueKind.Object ? Line(document.RootElement) : Safe(json);
        }
        catch (JsonException)
        {
            return Safe(json);
        }
    }

    private static string Line(JsonElement e)
    {
        var line = new StringBuilder();
        line.Append(Word(e, "t")).Append(' ').Append(Word(e, "node")).Append(' ');
        line.Append(Word(e, "family")).Append('.').Append(Word(e, "kind"));
        foreach (JsonProperty field in e.EnumerateObject())
        {
            if (!Shown.Contains(field.Name)) line.Append(' ').Append(field.Name).Append('=').Append(field.Value);
        }

        return Safe(line.ToString());
    }

    private static string Word(JsonElement e, string name) => e.TryGetProperty(name, out JsonElement value) ? value.ToString() : "-";

    // A terminal obeys control characters; whoever writes the events is not asked to.
    private static string Safe(string text) => string.Create(text.Length, text, static (line, from) =>
    {
        for (int i = 0; i < line.Length; i++) line[i] = char.IsControl(from[i]) ? '?' : from[i];
    });
}
