using System.Diagnostics.CodeAnalysis;

namespace NoriKV.Transport.Http;

/// <summary>
/// Percent-decoding into bytes: one <c>%XX</c> is one byte, whatever it is; nothing is read twice.
/// </summary>
internal static class PercentDecoder
{
    /// <summary>
    /// Decodes ASCII text; false at a broken escape or a character that no request target can carry.
    /// </summary>
    /// <param name="text">The encoded text.</param>
    /// <param name="plusIsSpace">
    /// True in a query, where forms and URL libraries write a space as <c>+</c>.
    /// </param>
    /// <param name="bytes">The decoded bytes.</param>
    public static bool TryDecode(ReadOnlySpan<char> text, bool plusIsSpace, [NotNullWhen(true)] out byte[]? bytes)
    {
        bytes = null;
        byte[] output = new byte[text.Length];
        int length = 0;
        for (int i = 0; i < text.Length; i++)
        {
            char c = text[i];
            if (c == '%')
            {
                if (i + 2 >= text.Length || !char.IsAsciiHexDigit(text[i + 1]) || !char.IsAsciiHexDigit(text[i + 2]))
                    return false;
                c = (char)((Hex(text[i + 1]) << 4) | Hex(text[i + 2]));
                i += 2;
            }
            else if (c > '~')
            {
                return false;
            }
            else if (plusIsSpace && c == '+')
            {
                c = ' ';
            }

            output[length++] = (byte)c;
        }

        bytes = length == output.Length ? output : output[..length];
        return true;
    }

    private static int Hex(char c) => char.IsAsciiDigit(c) ? c - '0' : (c | 0x20) - 'a' + 10;
}
