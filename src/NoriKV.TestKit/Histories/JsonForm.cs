using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using NoriKV.TestKit.Linearizability;

namespace NoriKV.TestKit.Histories;

/// <summary>Our own form: <c>{"process":0,"type":"invoke","f":"cas","key":"a","value":"2","expected":"1"}</c>.</summary>
internal static class JsonForm
{
    private static readonly JsonWriterOptions Options = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public static HistoryLine Parse(string line)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(line);
            return Read(document.RootElement);
        }
        catch (JsonException e)
        {
            // The parser counts bytes; people count characters.
            byte[] bytes = Encoding.UTF8.GetBytes(line);
            int column = Encoding.UTF8.GetCharCount(bytes, 0, (int)Math.Min(e.BytePositionInLine ?? 0, bytes.Length)) + 1;
            throw new LineException(column, "this is not JSON: " + e.Message.Split(" LineNumber")[0]);
        }
    }

    public static string Write(HistoryLine line)
    {
        using MemoryStream bytes = new();
        using (Utf8JsonWriter json = new(bytes, Options))
        {
            json.WriteStartObject();
            json.WriteNumber("process", line.Process);
            json.WriteString("type", line.Event.ToString().ToLowerInvariant());
            json.WriteString("f", WordOf(line.Kind));
            json.WriteString("key", line.Key);
            if (line.Value is not null) json.WriteString("value", line.Value);
            if (line.Expected is not null) json.WriteString("expected", line.Expected);
            json.WriteEndObject();
        }

        return Encoding.UTF8.GetString(bytes.ToArray());
    }

    private static HistoryLine Read(JsonElement root)
    {
        string word = Text(root, "type") ?? throw new LineException(1, "there is no \"type\"");
        HistoryEvent type = HistoryLine.EventOf(word)
            ?? throw new LineException(1, $"unknown type \"{word}\"; known: invoke, ok, fail, info");
        word = Text(root, "f") ?? throw new LineException(1, "there is no \"f\"");
        OperationKind kind = HistoryLine.KindOf(word)
            ?? throw new LineException(1, $"unknown operation \"{word}\"; known: read, get, write, put, cas, append, delete");
        if (!root.TryGetProperty("process", out JsonElement process) || process.ValueKind != JsonValueKind.Number
            || !process.TryGetInt32(out int number))
            throw new LineException(1, "there is no \"process\" that is a number");
        string key = Text(root, "key") ?? HistoryLine.Register;
        return new HistoryLine(number, type, kind, key, Text(root, "value"), Text(root, "expected"));
    }

    private static string? Text(JsonElement root, string name)
    {
        if (!root.TryGetProperty(name, out JsonElement element)) return null;
        return element.ValueKind switch
        {
            JsonValueKind.String => element.GetString(),
            JsonValueKind.Null => null,
            JsonValueKind.Number or JsonValueKind.True or JsonValueKind.False => element.GetRawText(),
            _ => throw new LineException(1, $"\"{name}\" is neither a string nor a number"),
        };
    }

    private static string WordOf(OperationKind kind) => kind switch
    {
        OperationKind.Read => "read",
        OperationKind.Write => "write",
        OperationKind.CompareAndSet => "cas",
        OperationKind.Append => "append",
        _ => "delete",
    };
}
