namespace NoriKV.Node.Peers;

/// <summary>A message of a call frame.</summary>
/// <param name="Kind">What it is.</param>
/// <param name="Method">Of which method.</param>
/// <param name="Id">The call's number: rises for each asker's process, peer and channel.</param>
/// <param name="Body">Its bytes, a slice of the frame.</param>
internal readonly record struct PeerCallMessage(
    PeerCallKind Kind, PeerMethod Method, ulong Id, ReadOnlyMemory<byte> Body)
{
    /// <summary>Of requests and notes: how long they may take; <see cref="uint.MaxValue"/> for ever.</summary>
    public uint MillisecondsLeft { get; init; }

    /// <summary>Of replies: the boot epoch of the process that asked.</summary>
    public ulong AskerEpoch { get; init; }

    /// <summary>Of replies: what became of it.</summary>
    public PeerReplyStatus Status { get; init; }
}
