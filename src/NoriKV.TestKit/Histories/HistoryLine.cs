using System.Text.Json;
using System.Text.RegularExpressions;
using NoriKV.TestKit.Linearizability;

namespace NoriKV.TestKit.Histories;

/// <summary>One event of a recorded history, whatever its form.</summary>
internal sealed partial record HistoryLine(
    int Process, string Type, OperationKind Kind, string Key, string? Value, string? Expected)
{
    public static HistoryLine? TryParse(string line) => line[0] switch
    {
        '{' when line.StartsWith("{:", StringComparison.Ordinal) => ParseKeyValue(line),
        '{' => ParseJson(line),
        _ => ParseJepsen(line),
    };

    private static HistoryLine? ParseJepsen(string line)
    {
        Match m = Jepsen().Match(line);
        if (!m.Success || KindOf(m.Groups["f"].Value) is not { } kind) return null;
        string[] values = m.Groups["value"].Value.Trim('[', ']').Split(' ', StringSplitOptions.RemoveEmptyEntries);
        string? value = values.LastOrDefault() is { } last && last != "nil" && last[0] != ':' ? last : null;
        string? expected = kind == OperationKind.CompareAndSet && values.Length == 2 ? values[0] : null;
        return new HistoryLine(
            int.Parse(m.Groups["process"].ValueSpan), m.Groups["type"].Value, kind, "register", value, expected);
    }

    private static HistoryLine? ParseKeyValue(string line)
    {
        Match m = KeyValue().Match(line);
        if (!m.Success || KindOf(m.Groups["f"].Value) is not { } kind) return null;
        return new HistoryLine(
            int.Parse(m.Groups["process"].ValueSpan),
            m.Groups["type"].Value,
            kind,
            m.Groups["key"].Value,
            m.Groups["text"].Success ? m.Groups["text"].Value : null,
            null);
    }

    private static HistoryLine? ParseJson(string line)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(line);
            JsonElement root = document.RootElement;
            if (KindOf(Text(root, "f") ?? string.Empty) is not { } kind) return null;
            return new HistoryLine(
                root.GetProperty("process").GetInt32(),
                Text(root, "type") ?? string.Empty,
                kind,
                Text(root, "key") ?? string.Empty,
                Text(root, "value"),
                Text(root, "expected"));
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or KeyNotFoundException or FormatException)
        {
            return null;
        }
    }

    private static string? Text(JsonElement root, string name) =>
        root.TryGetProperty(name, out JsonElement element) && element.ValueKind == JsonValueKind.String
            ? element.GetString()
            : null;

    private static OperationKind? KindOf(string word) => word switch
    {
        "read" or "get" => OperationKind.Read,
        "write" or "put" => OperationKind.Write,
        "cas" => OperationKind.CompareAndSet,
        "append" => OperationKind.Append,
        "delete" => OperationKind.Delete,
        _ => null,
    };

    [GeneratedRegex(@"^\w+\s+jepsen\.util\s+-\s+(?<process>\d+)\s+:(?<type>\w+)\s+:(?<f>\w+)\s+(?<value>\[[^\]]*\]|\S+)\s*$")]
    private static partial Regex Jepsen();

    [GeneratedRegex("""^\{:process (?<process>\d+), :type :(?<type>\w+), :f :(?<f>\w+), :key "(?<key>[^"]*)", :value (nil|"(?<text>[^"]*)")\}$""")]
    private static partial Regex KeyValue();
}
