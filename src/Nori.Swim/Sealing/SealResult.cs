namespace Nori.Swim.Sealing;

/// <summary>What opening an envelope came to.</summary>
internal enum SealResult
{
    Ok,

    /// <summary>Not an envelope, or too short for one.</summary>
    Malformed,

    /// <summary>Plain where keys are needed, or sealed where there are none.</summary>
    Unsealed,

    /// <summary>Sealed with a key that is not ours.</summary>
    UnknownKey,

    /// <summary>The key is named but the seal does not hold.</summary>
    Forged,

    /// <summary>Seen before, or too far behind what was seen.</summary>
    Replayed,

    /// <summary>The first of a sender, stamped too far from our clock.</summary>
    Stale,
}
