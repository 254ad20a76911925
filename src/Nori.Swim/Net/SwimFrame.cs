using System.Buffers.Binary;

namespace Nori.Swim.Net;

// A frame (docs/formats/swim.md): length u32 little-endian | envelope.

/// <summary>One envelope on a stream of bytes.</summary>
internal static class SwimFrame
{
    /// <summary>Memory taken before the first byte of a frame has come.</summary>
    public const int FirstBytes = 64 * 1024;

    private const int LengthBytes = 4;

    public static async Task WriteAsync(Stream stream, ReadOnlyMemory<byte> envelope, CancellationToken cancellation)
    {
        byte[] frame = new byte[LengthBytes + envelope.Length];
        BinaryPrimitives.WriteUInt32LittleEndian(frame, (uint)envelope.Length);
        envelope.CopyTo(frame.AsMemory(LengthBytes));
        await stream.WriteAsync(frame, cancellation).ConfigureAwait(false);
    }

    /// <summary>The envelope; null where the stream ends first, or announces more than is allowed.</summary>
    public static async Task<byte[]?> ReadAsync(Stream stream, int bytesMax, CancellationToken cancellation)
    {
        byte[] length = new byte[LengthBytes];
        if (!await FillAsync(stream, length, cancellation).ConfigureAwait(false)) return null;
        uint count = BinaryPrimitives.ReadUInt32LittleEndian(length);
        if (count > bytesMax) return null;

        // Memory follows what arrives, not what a stranger announces.
        byte[] frame = new byte[Math.Min(count, FirstBytes)];
        for (int filled = 0; ;)
        {
            if (!await FillAsync(stream, frame.AsMemory(filled), cancellation).ConfigureAwait(false)) return null;
            filled = frame.Length;
            if (filled == count) return frame;
            Array.Resize(ref frame, (int)Math.Min(count, 2L * filled));
        }
    }

    private static async ValueTask<bool> FillAsync(Stream stream, Memory<byte> buffer, CancellationToken cancellation) =>
        await stream.ReadAtLeastAsync(buffer, buffer.Length, throwOnEndOfStream: false, cancellation)
            .ConfigureAwait(false) == buffer.Length;
}
