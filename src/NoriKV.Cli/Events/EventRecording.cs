using System.Text;
using System.Text.Json;
using NoriKV.Cli.Console;

namespace NoriKV.Cli.Events;

/// <summary>
/// A file of events (docs/formats/events.md): a line that says what it is, then an event a line, as /events sent it.
/// <code>
/// {"format":"norikv-events","version":1}
/// {"seq":1,"t":"2026-11-21T09:30:00.123Z","node":"n1","family":"Wal","kind":"SegmentRoll","seg":3,"bytes":134217728}
/// </code>
/// </summary>
internal static class EventRecording
{
    private const string Format = "norikv-events";
    private const int Version = 1;
    private const int LineCharsMax = 1 << 20;

    /// <summary>The first line of a file.</summary>
    public static string Header => $$"""{"format":"{{Format}}","version":{{Version}}}""";

    /// <summary>A new file with its first line; the caller writes the events, a line each, and closes it.</summary>
    /// <exception cref="UsageException">The file exists.</exception>
    public static StreamWriter Create(string file)
    {
        if (File.Exists(file)) throw new UsageException($"{file} exists; a recording is a new file");
        var writer = new StreamWriter(file, append: false, new UTF8Encoding(false)) { NewLine = "\n" };
        writer.WriteLine(Header);
        return writer;
    }

    /// <summary>The events of a file, in their order. A last line without its end is left out: the recording was cut off.</summary>
    /// <exception cref="InvalidDataException">The file is no recording, or of a version this program does not know.</exception>
    public static IEnumerable<string> Read(TextReader file)
    {
        CheckHeader(file.ReadLine());
        while (file.ReadLine() is { } line)
        {
            if (line.Length > LineCharsMax) throw new InvalidDataException("a line has more than a million characters");
            if (IsWhole(line)) yield return line;
            else if (file.Peek() >= 0) throw new InvalidDataException($"not an event: {(line.Length > 60 ? line[..60] + "…" : line)}");
        }
    }

    /// <summary>When an event happened; null where it does not say.</summary>
    public static DateTimeOffset? TimeOf(string line)
    {
        using JsonDocument json = JsonDocument.Parse(line);
        return json.RootElement.TryGetProperty("t", out JsonElement t) && t.ValueKind == JsonValueKind.String
            && t.TryGetDateTimeOffset(out DateTimeOffset time) ? time : null;
    }

    /// <summary>Whether an event is of one of the families and one of the kinds; none named is all.</summary>
    public static bool Matches(string line, IReadOnlyList<string> families, IReadOnlyList<string> kinds)
    {
        using JsonDocument json = JsonDocument.Parse(line);
        return Is("family", families) && Is("kind", kinds);

        bool Is(string name, IReadOnlyList<string> words) => words.Count == 0
            || (json.RootElement.TryGetProperty(name, out JsonElement value)
                && words.Contains(value.ToString(), StringComparer.OrdinalIgnoreCase));
    }

    private static void CheckHeader(string? line)
    {
        try
        {
            using JsonDocument json = JsonDocument.Parse(line ?? "");
            if (json.RootElement.GetProperty("format").GetString() != Format)
                throw new InvalidDataException("the file is no recording of events");
            int version = json.RootElement.GetProperty("version").GetInt32();
            if (version != Version) throw new InvalidDataException($"the recording is of version {version}; this program reads {Version}");
        }
        catch (Exception bad) when (bad is JsonException or KeyNotFoundException or InvalidOperationException or FormatException)
        {
            throw new InvalidDataException("the file is no recording of events", bad);
        }
    }

    private static bool IsWhole(string line)
    {
        try
        {
            using JsonDocument json = JsonDocument.Parse(line);
            return json.RootElement.ValueKind == JsonValueKind.Object;
        }
        catch (JsonException)
        {
            return false;
        }
    }
}
