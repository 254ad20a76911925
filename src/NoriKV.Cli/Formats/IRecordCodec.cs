using System.Buffers;

namespace NoriKV.Cli.Formats;

/// <summary>Reads and writes one record as one line, without its line feed.</summary>
internal interface IRecordCodec
{
    /// <summary>Reads a line; false with the reason in words when it is not a record.</summary>
    bool TryParse(ReadOnlySpan<byte> line, out DataRecord record, out string reason);

    /// <summary>Writes a record.</summary>
    void Write(in DataRecord record, IBufferWriter<byte> output);

    /// <summary>The codec of a format.</summary>
    static IRecordCodec Create(RecordFormat format, FieldEncoding keys, FieldEncoding values) => format switch
    {
        RecordFormat.Jsonl => new JsonLinesCodec(keys, values),
        RecordFormat.Tsv => new TsvCodec(keys, values),
        _ => throw new ArgumentOutOfRangeException(nameof(format), format, "unknown format"),
    };
}
