using Nori.Core;

namespace NoriKV.Node.Formation;

/// <summary>UUIDs of version 4 from a seeded generator.</summary>
internal static class Guids
{
    public static Guid New(Prng random)
    {
        Span<byte> bytes = stackalloc byte[16];
        random.Fill(bytes);
        bytes[6] = (byte)((bytes[6] & 0x0F) | 0x40);
        bytes[8] = (byte)((bytes[8] & 0x3F) | 0x80);
        return new Guid(bytes, bigEndian: true);
    }
}
