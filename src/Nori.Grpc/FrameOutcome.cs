namespace Nori.Grpc;

/// <summary>What <see cref="FrameReader.TryRead"/> found at the start of a buffer.</summary>
public enum FrameOutcome
{
    /// <summary>The buffer ends before the message does.</summary>
    NeedMore,

    /// <summary>A whole message.</summary>
    Message,

    /// <summary>The length in the prefix is above the limit.</summary>
    TooLarge,

    /// <summary>The compressed flag is set; no compression but identity is spoken.</summary>
    Compressed,

    /// <summary>The flag byte is neither 0 nor 1.</summary>
    Malformed,
}
