using System.Text;
using System.Text.Unicode;

namespace NoriKV.TestKit.Recording;

/// <summary>Keys and values as histories show them.</summary>
internal static class RecordedText
{
    /// <summary>The text; base64 behind "b64:" of bytes that are none, or that would look like such.</summary>
    public static string Of(ReadOnlyMemory<byte> bytes) => Utf8.IsValid(bytes.Span) && !bytes.Span.StartsWith("b64:"u8)
        ? Encoding.UTF8.GetString(bytes.Span)
        : "b64:" + Convert.ToBase64String(bytes.Span);
}
