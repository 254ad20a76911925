using System.Buffers;
using System.Text.Json;

namespace NoriKV.Cli.Formats;

/// <summary>
/// <c>{"key":"…","value":"…"}</c>: each field is text, or bytes as <c>key_b64</c> and <c>value_b64</c>; optional
/// <c>ttl_ms</c>. A <c>version</c>, as scan prints it, is read over.
/// </summary>
internal sealed class JsonLinesCodec(FieldEncoding keys, FieldEncoding values) : IRecordCodec
{
    public bool TryParse(ReadOnlySpan<byte> line, out DataRecord record, out string reason)
    {
        record = default;
        try
        {
            reason = Parse(line, out record);
        }
        catch (JsonException e)
        {
            reason = $"not JSON: {e.Message.Split(" LineNumber")[0]}";
        }
        catch (InvalidOperationException)
        {
            reason = "a string is not valid Unicode; write such bytes as key_b64 or value_b64";
        }
        catch (FormatException)
        {
            reason = "a _b64 field is not base64";
        }

        return reason.Length == 0;
    }

    public void Write(in DataRecord record, IBufferWriter<byte> output)
    {
        output.Write("{"u8);
        JsonText.WriteField("key", record.Key.Span, keys, output);
        output.Write(","u8);
        JsonText.WriteField("value", record.Value.Span, values, output);
        output.Write("}"u8);
    }

    private static string Parse(ReadOnlySpan<byte> line, out DataRecord record)
    {
        record = default;
        var reader = new Utf8JsonReader(line);
        byte[]? key = null, value = null;
        TimeSpan? ttl = null;
        if (!reader.Read() || reader.TokenType != JsonTokenType.StartObject) return "not a JSON object";
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            string name = reader.GetString()!;
            reader.Read();
            switch (name)
            {
                case "key" or "key_b64" when key is not null: return "the key is given twice";
                case "value" or "value_b64" when value is not null: return "the value is given twice";
                case "key" or "value" or "key_b64" or "value_b64" when reader.TokenType != JsonTokenType.String:
                    return $"{name} must be a string";
                case "key": key = Text(ref reader); break;
                case "value": value = Text(ref reader); break;
                case "key_b64": key = reader.GetBytesFromBase64(); break;
                case "value_b64": value = reader.GetBytesFromBase64(); break;
                case "ttl_ms" when reader.TokenType == JsonTokenType.Number && reader.TryGetInt64(out long ms) && ms > 0:
                    ttl = TimeSpan.FromMilliseconds(ms);
                    break;
                case "ttl_ms": return "ttl_ms must be a whole number above 0";
                case "version": reader.Skip(); break;
                default: return $"unknown field '{name}'; known are key, key_b64, value, value_b64, ttl_ms";
            }
        }

        if (reader.Read()) return "something follows the record";
        if (key is null) return "there is no key";
        if (value is null) return "there is no value";
        record = new DataRecord(key, value, ttl);
        return "";
    }

    private static byte[] Text(ref Utf8JsonReader reader)
    {
        if (!reader.ValueIsEscaped)
        {
            // GetString would check this, CopyString of an unescaped string does not.
            return System.Text.Unicode.Utf8.IsValid(reader.ValueSpan)
                ? reader.ValueSpan.ToArray()
                : throw new InvalidOperationException();
        }

        byte[] rented = ArrayPool<byte>.Shared.Rent(reader.ValueSpan.Length);
        try
        {
            int length = reader.CopyString(rented);
            return rented.AsSpan(0, length).ToArray();
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(rented);
        }
    }
}
