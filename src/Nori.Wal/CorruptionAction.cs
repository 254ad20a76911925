namespace Nori.Wal;

/// <summary>What opening does about damage below the greatest position known to be durable.</summary>
public enum CorruptionAction
{
    /// <summary>Throws <see cref="Nori.IO.CorruptionException"/> with file and offset.</summary>
    Throw,

    /// <summary>
    /// Lists it in <see cref="RecoveryReport.Damage"/>, skips to the next whole batch and goes on: for owners that
    /// know how
    /// to get the missing records elsewhere.
    /// </summary>
    Report,
}
