namespace Nori.Lsm;

/// <summary>
/// A sync, a log write or a manifest write failed, so what reached the disk is unknown: the engine takes no
/// more writes
/// until it is opened again. Reads go on.
/// </summary>
/// <param name="cause">The first failure.</param>
public sealed class LsmFailedException(Exception cause)
    : IOException($"the engine stopped writing after a failure: {cause.Message}", cause);
