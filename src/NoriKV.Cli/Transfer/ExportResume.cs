using NoriKV.Cli.Formats;

namespace NoriKV.Cli.Transfer;

/// <summary>Finds where an interrupted export ended.</summary>
internal static class ExportResume
{
    /// <summary>
    /// Reads the file to its last whole line, cuts what is behind it, leaves the stream at its end, and answers the key
    /// of that line; null when there is none.
    /// </summary>
    /// <exception cref="InvalidDataException">A line is not a record: the file is not an export of this format.</exception>
    public static async Task<(byte[]? LastKey, long Records)> PrepareAsync(
        FileStream file, IRecordCodec codec, CancellationToken cancellationToken)
    {
        var lines = new LineReader(file);
        byte[]? last = null;
        long end = 0, records = 0;
        while (await lines.ReadAsync(cancellationToken).ConfigureAwait(false) && lines.IsWhole)
        {
            if (!codec.TryParse(lines.Line.Span, out DataRecord record, out string reason))
            {
                throw new InvalidDataException($"{file.Name} line {lines.Number}: {reason}; it cannot be continued");
            }

            last = record.Key.ToArray();
            end = lines.Offset;
            records++;
        }

        file.SetLength(end);
        file.Position = end;
        return (last, records);
    }
}
