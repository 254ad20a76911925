namespace NoriKV.Node.Peers;

/// <summary>A frame to be sealed and sent.</summary>
/// <param name="Bytes">Room for the header, messages, room for the checksum.</param>
/// <param name="Length">Of all that.</param>
/// <param name="Messages">How many.</param>
/// <param name="Requests">The calls in it that want an answer.</param>
internal readonly record struct PeerCallParcel(byte[] Bytes, int Length, uint Messages, IReadOnlyList<ulong> Requests);
