using System.Buffers.Binary;

namespace NoriKV.Node.Machine;

/// <summary>
/// Keys of the node's engine: <c>slot u32 big-endian | kind u8 | key</c>. A slot belongs to one arrival of a replica, so a
/// shard is one contiguous range; slot 0 is the node's own.
/// </summary>
public static class EngineKey
{
    /// <summary>Bytes before the key.</summary>
    public const int PrefixBytes = 5;

    /// <summary>Writes slot, kind and key; returns the bytes written.</summary>
    public static int Write(Span<byte> target, uint slot, EngineKeyKind kind, ReadOnlySpan<byte> key)
    {
        BinaryPrimitives.WriteUInt32BigEndian(target, slot);
        target[sizeof(uint)] = (byte)kind;
        key.CopyTo(target[PrefixBytes..]);
        return PrefixBytes + key.Length;
    }

    /// <summary>A key of its own.</summary>
    public static byte[] Create(uint slot, EngineKeyKind kind, ReadOnlySpan<byte> key = default)
    {
        byte[] bytes = new byte[PrefixBytes + key.Length];
        Write(bytes, slot, kind, key);
        return bytes;
    }

    /// <summary>The slot of an engine key; 0 when it is none.</summary>
    public static uint SlotOf(ReadOnlySpan<byte> engineKey) =>
        engineKey.Length < PrefixBytes ? 0 : BinaryPrimitives.ReadUInt32BigEndian(engineKey);
}
