namespace Nori.Swim.Core;

/// <summary>
/// A message to send over a stream. The driver answers with <see cref="SwimCore.OnStreamReply"/> or
/// <see cref="SwimCore.OnStreamFailed"/>, each with the number.
/// </summary>
/// <param name="Number">Tells requests apart.</param>
/// <param name="Address">Where to, host:port.</param>
/// <param name="Payload">The message, before sealing.</param>
public readonly record struct StreamRequest(long Number, string Address, ReadOnlyMemory<byte> Payload);
