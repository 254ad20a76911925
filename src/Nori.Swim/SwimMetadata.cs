using System.Buffers;
using System.Text;
using Nori.Core;

namespace Nori.Swim;

// Metadata, format 1 (docs/formats/swim.md); "text" is a varint length and UTF-8:
//   version u8 = 1 | zone text | software text | load u8 | count varint | count × (name text, value text)

/// <summary>What a member says of itself: small, as it travels in every Alive.</summary>
public sealed record SwimMetadata
{
    /// <summary>The most named values.</summary>
    public const int ValuesMax = 32;

    private const byte FormatVersion = 1;

    /// <summary>Its failure zone. <value>empty</value></summary>
    public string Zone { get; init; } = string.Empty;

    /// <summary>The version of its software. <value>empty</value></summary>
    public string Software { get; init; } = string.Empty;

    /// <summary>How busy it is, in percent. <value>0</value></summary>
    public byte Load { get; init; }

    /// <summary>Named values: further addresses ("rpc", "http") and tags. <value>empty</value></summary>
    public IReadOnlyDictionary<string, string> Values { get; init; } = new Dictionary<string, string>();

    /// <summary>The bytes that travel.</summary>
    public byte[] Encode()
    {
        ArrayBufferWriter<byte> writer = new();
        writer.WriteByte(FormatVersion);
        writer.WriteLengthPrefixed(Encoding.UTF8.GetBytes(Zone));
        writer.WriteLengthPrefixed(Encoding.UTF8.GetBytes(Software));
        writer.WriteByte(Load);
        writer.WriteVarint((ulong)Values.Count);
        foreach ((string name, string value) in Values.OrderBy(p => p.Key, StringComparer.Ordinal))
        {
            writer.WriteLengthPrefixed(Encoding.UTF8.GetBytes(name));
            writer.WriteLengthPrefixed(Encoding.UTF8.GetBytes(value));
        }

        return writer.WrittenSpan.ToArray();
    }

    /// <summary>Reads what <see cref="Encode"/> wrote; null for anything else.</summary>
    public static SwimMetadata? TryDecode(ReadOnlySpan<byte> bytes)
    {
        SpanReader reader = new(bytes);
        if (!reader.TryReadByte(out byte version) || version != FormatVersion) return null;
        if (!reader.TryReadLengthPrefixed(out ReadOnlySpan<byte> zone)) return null;
        if (!reader.TryReadLengthPrefixed(out ReadOnlySpan<byte> software)) return null;
        if (!reader.TryReadByte(out byte load)) return null;
        if (!reader.TryReadVarintInt32(out int count) || count > ValuesMax) return null;
        Dictionary<string, string> values = new(count, StringComparer.Ordinal);
        for (int i = 0; i < count; i++)
        {
            if (!reader.TryReadLengthPrefixed(out ReadOnlySpan<byte> name)) return null;
            if (!reader.TryReadLengthPrefixed(out ReadOnlySpan<byte> value)) return null;
            values[Encoding.UTF8.GetString(name)] = Encoding.UTF8.GetString(value);
        }

        if (!reader.AtEnd) return null;
        return new SwimMetadata
        {
            Zone = Encoding.UTF8.GetString(zone),
            Software = Encoding.UTF8.GetString(software),
            Load = load,
            Values = values,
        };
    }
}
