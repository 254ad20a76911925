namespace Nori.Swim.Core;

/// <summary>A message to send once, without waiting; losing it is allowed.</summary>
/// <param name="Address">Where to, host:port.</param>
/// <param name="Payload">The message, before sealing.</param>
public readonly record struct OutgoingDatagram(string Address, ReadOnlyMemory<byte> Payload);
