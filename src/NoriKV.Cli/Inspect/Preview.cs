using System.Buffers;
using System.Text;
using NoriKV.Cli.Formats;

namespace NoriKV.Cli.Inspect;

/// <summary>The beginning of some bytes, escaped, on one line.</summary>
internal static class Preview
{
    private const int BytesMax = 48;

    public static string Of(ReadOnlySpan<byte> bytes)
    {
        var buffer = new ArrayBufferWriter<byte>();
        TsvCodec.WriteField(bytes[..Math.Min(bytes.Length, BytesMax)], FieldEncoding.Text, buffer);
        string text = Encoding.UTF8.GetString(buffer.WrittenSpan);
        return bytes.Length > BytesMax ? text + "…" : text;
    }
}
