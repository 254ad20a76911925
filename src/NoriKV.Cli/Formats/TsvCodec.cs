using System.Buffers;
using System.Buffers.Text;
using System.Text.Unicode;

namespace NoriKV.Cli.Formats;

/// <summary>
/// Key, tab, value. As text: <c>\t \n \r \\</c> for those bytes and <c>\xHH</c> for bytes that are not UTF-8 or not
/// printable ASCII controls, so any bytes survive and any tool can cut the line.
/// </summary>
internal sealed class TsvCodec(FieldEncoding keys, FieldEncoding values) : IRecordCodec
{
    private static readonly SearchValues<byte> MustEscape = SearchValues.Create(
        [.. Enumerable.Range(0, 0x20).Select(static i => (byte)i), 0x7F, (byte)'\\']);

    public bool TryParse(ReadOnlySpan<byte> line, out DataRecord record, out string reason)
    {
        record = default;
        reason = "";
        int tab = line.IndexOf((byte)'\t');
        if (tab < 0) reason = "there is no tab between key and value";
        else if (line[(tab + 1)..].Contains((byte)'\t')) reason = "there is more than one tab; write a tab inside a value as \\t";
        if (reason.Length > 0) return false;
        if (!TryDecode(line[..tab], keys, out byte[] key)) reason = Bad("key", keys);
        else if (!TryDecode(line[(tab + 1)..], values, out byte[] value)) reason = Bad("value", values);
        else record = new DataRecord(key, value);
        return reason.Length == 0;
    }

    public void Write(in DataRecord record, IBufferWriter<byte> output)
    {
        WriteField(record.Key.Span, keys, output);
        output.Write("\t"u8);
        WriteField(record.Value.Span, values, output);
    }

    /// <summary>Writes a key or value.</summary>
    public static void WriteField(ReadOnlySpan<byte> bytes, FieldEncoding encoding, IBufferWriter<byte> output)
    {
        if (encoding == FieldEncoding.Base64)
        {
            Span<byte> target = output.GetSpan(Base64.GetMaxEncodedToUtf8Length(bytes.Length));
            Base64.EncodeToUtf8(bytes, target, out _, out int written);
            output.Advance(written);
            return;
        }

        bool isText = Utf8.IsValid(bytes);
        while (!bytes.IsEmpty)
        {
            int at = bytes.IndexOfAny(MustEscape);
            if (!isText)
            {
                int high = bytes.IndexOfAnyInRange((byte)0x80, (byte)0xFF);
                if (high >= 0 && (at < 0 || high < at)) at = high;
            }

            if (at < 0) break;
            output.Write(bytes[..at]);
            WriteEscape(bytes[at], output);
            bytes = bytes[(at + 1)..];
        }

        output.Write(bytes);
    }

    private static string Bad(string field, FieldEncoding encoding) => encoding == FieldEncoding.Base64
        ? $"the {field} is not base64"
        : $"the {field} has a bad escape; known are \\t \\n \\r \\\\ \\xHH";

    private static void WriteEscape(byte b, IBufferWriter<byte> output)
    {
        switch (b)
        {
            case (byte)'\t': output.Write("\\t"u8); break;
            case (byte)'\n': output.Write("\\n"u8); break;
            case (byte)'\r': output.Write("\\r"u8); break;
            case (byte)'\\': output.Write("\\\\"u8); break;
            default:
                output.Write([(byte)'\\', (byte)'x', (byte)"0123456789abcdef"[b >> 4], (byte)"0123456789abcdef"[b & 15]]);
                break;
        }
    }

    private static bool TryDecode(ReadOnlySpan<byte> field, FieldEncoding encoding, out byte[] bytes)
    {
        bytes = [];
        if (encoding == FieldEncoding.Base64)
        {
            byte[] decoded = new byte[Base64.GetMaxDecodedFromUtf8Length(field.Length)];
            if (Base64.DecodeFromUtf8(field, decoded, out _, out int length) != OperationStatus.Done) return false;
            bytes = decoded[..length];
            return true;
        }

        if (!field.Contains((byte)'\\'))
        {
            bytes = field.ToArray();
            return true;
        }

        byte[] target = new byte[field.Length];
        int at = 0;
        for (int i = 0; i < field.Length; i++)
        {
            if (field[i] != '\\')
            {
                target[at++] = field[i];
                continue;
            }

            if (++i == field.Length) return false;
            if (field[i] == 'x')
            {
                if (i + 2 >= field.Length || Convert.FromHexString(field.Slice(i + 1, 2), target.AsSpan(at, 1), out _, out _)
                    != OperationStatus.Done) return false;
                at++;
                i += 2;
                continue;
            }

            (bool known, byte value) = field[i] switch
            {
                (byte)'t' => (true, (byte)'\t'),
                (byte)'n' => (true, (byte)'\n'),
                (byte)'r' => (true, (byte)'\r'),
                (byte)'\\' => (true, (byte)'\\'),
                _ => (false, (byte)0),
            };
            if (!known) return false;
            target[at++] = value;
        }

        bytes = target[..at];
        return true;
    }
}
