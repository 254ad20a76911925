using System.Buffers;
using System.Globalization;
using System.Text;

namespace Nori.Grpc;

/// <summary>
/// The encoding of <c>grpc-message</c>: UTF-8 in which every byte outside of <c>0x20–0x7E</c>, and <c>%</c>,
/// is written as <c>%XX</c>. Decoding never fails: what is not a valid escape stays as it is.
/// </summary>
public static class GrpcMessageEncoding
{
    private static readonly SearchValues<char> Plain = SearchValues.Create(
        string.Concat(Enumerable.Range(0x20, 0x7F - 0x20).Where(c => c != '%').Select(c => (char)c)));

    /// <summary>The longest message sent, in characters before encoding; what is longer is cut.</summary>
    public const int MessageCharsMax = 1024;

    /// <summary>Encodes a message, cut to <see cref="MessageCharsMax"/>.</summary>
    public static string Encode(string message)
    {
        if (message.Length > MessageCharsMax) message = message[..MessageCharsMax];
        if (!message.AsSpan().ContainsAnyExcept(Plain)) return message;
        var text = new StringBuilder(message.Length + 16);
        foreach (byte b in Encoding.UTF8.GetBytes(message))
        {
            if (b is >= 0x20 and <= 0x7E and not (byte)'%')
                text.Append((char)b);
            else
                text.Append('%').Append(b.ToString("X2", CultureInfo.InvariantCulture));
        }

        return text.ToString();
    }

    /// <summary>Decodes a message.</summary>
    public static string Decode(string wire)
    {
        if (!wire.Contains('%', StringComparison.Ordinal)) return wire;
        byte[] utf8 = Encoding.UTF8.GetBytes(wire);
        int written = 0;
        for (int read = 0; read < utf8.Length; read++)
        {
            byte b = utf8[read];
            if (b == '%' && read + 2 < utf8.Length
                && byte.TryParse(utf8.AsSpan(read + 1, 2), NumberStyles.AllowHexSpecifier,
                    CultureInfo.InvariantCulture, out byte value))
            {
                b = value;
                read += 2;
            }

            utf8[written++] = b;
        }

        return Encoding.UTF8.GetString(utf8, 0, written);
    }
}
