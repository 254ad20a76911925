using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Json;

namespace NoriKV.Server;

/// <summary>A log line, as text or as JSON. One line stays one line, whatever a message quotes.</summary>
internal static class LogText
{
    private const int LineCharsMax = 4096;
    private const int ValueCharsMax = 2048;
    private const string TimeFormat = "yyyy-MM-ddTHH:mm:ss.fffZ";

    public static string Console(
        DateTime time, LogLevel level, string component, string message, ReadOnlySpan<(string Key, object? Value)> fields)
    {
        var line = new StringBuilder(128);
        line.Append(time.ToString(TimeFormat, CultureInfo.InvariantCulture));
        line.Append(level switch
        {
            LogLevel.Debug => " DEBUG ",
            LogLevel.Info => " INFO  ",
            LogLevel.Warning => " WARN  ",
            _ => " ERROR ",
        });
        line.Append(component).Append(": ");
        AppendSafe(line, message);
        foreach ((string key, object? value) in fields)
        {
            line.Append(' ').Append(key).Append('=');
            string text = TextOf(value);
            bool quoted = text.Length == 0 || text.AsSpan().IndexOfAny(" \"=") >= 0;
            if (quoted) line.Append('"');
            AppendSafe(line, quoted ? text.Replace("\"", "\\\"", StringComparison.Ordinal) : text);
            if (quoted) line.Append('"');
        }

        if (line.Length > LineCharsMax) line.Remove(LineCharsMax, line.Length - LineCharsMax).Append('…');
        return line.ToString();
    }

    /// <summary>
    /// <c>{"time":…,"level":…,"component":…,"message":…,key:value…}</c>; numbers and booleans stay what they are.
    /// </summary>
    public static string Json(
        DateTime time, LogLevel level, string component, string message, ReadOnlySpan<(string Key, object? Value)> fields)
    {
        var buffer = new ArrayBufferWriter<byte>(256);
        using (var json = new Utf8JsonWriter(buffer, new JsonWriterOptions { SkipValidation = true }))
        {
            json.WriteStartObject();
            json.WriteString("time", time.ToString(TimeFormat, CultureInfo.InvariantCulture));
            json.WriteString("level", LogLevels.Word(level));
            json.WriteString("component", component);
            json.WriteString("message", Cut(message));
            foreach ((string key, object? value) in fields) WriteField(json, KeyOf(key), value);
            json.WriteEndObject();
        }

        return Encoding.UTF8.GetString(buffer.WrittenSpan);
    }

    private static void WriteField(Utf8JsonWriter json, string key, object? value)
    {
        switch (value)
        {
            case long number: json.WriteNumber(key, number); break;
            case int number: json.WriteNumber(key, number); break;
            case double number when double.IsFinite(number): json.WriteNumber(key, number); break;
            case bool truth: json.WriteBoolean(key, truth); break;
            case null: json.WriteNull(key); break;
            default: json.WriteString(key, Cut(TextOf(value))); break;
        }
    }

    // The line's own words come first; a field of the same name would hide one.
    private static string KeyOf(string key) => key is "time" or "level" or "component" or "message" ? key + "_" : key;

    private static string TextOf(object? value) =>
        value is bool truth ? (truth ? "true" : "false") : Convert.ToString(value, CultureInfo.InvariantCulture) ?? "";

    private static string Cut(string text) => text.Length <= ValueCharsMax ? text : text[..ValueCharsMax] + "…";

    private static void AppendSafe(StringBuilder line, string text)
    {
        foreach (char c in text)
        {
            switch (c)
            {
                case '\n': line.Append("\\n"); break;
                case '\r': break;
                default: line.Append(char.IsControl(c) ? '?' : c); break;
            }
        }
    }
}
