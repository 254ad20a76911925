namespace NoriKV.Transport.Http.Live;

/// <summary>A part of a message to a watcher; valid until the next one is asked for.</summary>
/// <param name="Bytes">What is sent now.</param>
/// <param name="IsText">A part of a JSON message; otherwise of what is not text.</param>
/// <param name="IsEnd">The message ends with it.</param>
public readonly record struct LivePiece(ReadOnlyMemory<byte> Bytes, bool IsText, bool IsEnd);
