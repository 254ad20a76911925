using System.Buffers;
using System.Buffers.Text;
using System.Text.Unicode;

namespace NoriKV.Cli.Formats;

/// <summary>
/// JSON strings in one canonical form: only what must be escaped is, with the short form where there is one. So the
/// same text always gives the same bytes, which awk, jq and sort agree with.
/// </summary>
internal static class JsonText
{
    private static readonly SearchValues<byte> MustEscape =
        SearchValues.Create([.. Enumerable.Range(0, 0x20).Select(static i => (byte)i), (byte)'"', (byte)'\\']);

    /// <summary>Writes <c>"name":"text"</c>, or <c>"name_b64":"…"</c> for what is not UTF-8 or asked for so.</summary>
    public static void WriteField(string name, ReadOnlySpan<byte> bytes, FieldEncoding encoding, IBufferWriter<byte> output)
    {
        bool asText = encoding == FieldEncoding.Text && Utf8.IsValid(bytes);
        output.Write("\""u8);
        output.Write(System.Text.Encoding.UTF8.GetBytes(name));
        output.Write(asText ? "\":"u8 : "_b64\":"u8);
        if (asText) WriteString(bytes, output);
        else WriteBase64(bytes, output);
    }

    /// <summary>Writes UTF-8 as a JSON string, quotes included.</summary>
    public static void WriteString(ReadOnlySpan<byte> utf8, IBufferWriter<byte> output)
    {
        output.Write("\""u8);
        while (true)
        {
            int at = utf8.IndexOfAny(MustEscape);
            if (at < 0) break;
            output.Write(utf8[..at]);
            WriteEscape(utf8[at], output);
            utf8 = utf8[(at + 1)..];
        }

        output.Write(utf8);
        output.Write("\""u8);
    }

    private static void WriteBase64(ReadOnlySpan<byte> bytes, IBufferWriter<byte> output)
    {
        output.Write("\""u8);
        Span<byte> target = output.GetSpan(Base64.GetMaxEncodedToUtf8Length(bytes.Length));
        Base64.EncodeToUtf8(bytes, target, out _, out int written);
        output.Advance(written);
        output.Write("\""u8);
    }

    private static void WriteEscape(byte b, IBufferWriter<byte> output)
    {
        switch (b)
        {
            case (byte)'"': output.Write("\\\""u8); break;
            case (byte)'\\': output.Write("\\\\"u8); break;
            case (byte)'\n': output.Write("\\n"u8); break;
            case (byte)'\r': output.Write("\\r"u8); break;
            case (byte)'\t': output.Write("\\t"u8); break;
            case (byte)'\b': output.Write("\\b"u8); break;
            case (byte)'\f': output.Write("\\f"u8); break;
            default:
                output.Write("\\u00"u8);
                output.Write([(byte)"0123456789abcdef"[b >> 4], (byte)"0123456789abcdef"[b & 15]]);
                break;
        }
    }
}
