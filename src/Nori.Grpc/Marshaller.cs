using System.Buffers;

namespace Nori.Grpc;

/// <summary>How messages of one type become bytes and come back.</summary>
/// <typeparam name="T">The message type.</typeparam>
/// <param name="Serialize">Writes the message, exactly <c>Size</c> bytes where that is given.</param>
/// <param name="Parse">
/// Reads a message. The bytes are borrowed: what is kept must be copied. Whatever it throws, the call ends
/// with INTERNAL.
/// </param>
/// <param name="Size">
/// The exact serialized size. Optional: with it messages go into the output without a buffer in between.
/// </param>
public sealed record Marshaller<T>(
    Action<T, IBufferWriter<byte>> Serialize,
    Func<ReadOnlySequence<byte>, T> Parse,
    Func<T, int>? Size = null);
