namespace Nori.Wal;

/// <summary>
/// A write or sync of the log failed, so what reached the disk is unknown: the log takes nothing more until it is
/// opened
/// anew. <see cref="Exception.InnerException"/> is the first cause.
/// </summary>
public sealed class WalFailedException(string directory, Exception cause)
    : IOException($"the log in {directory} failed and must be reopened: {cause.Message}", cause)
{
    /// <summary>The log's directory.</summary>
    public string Directory { get; } = directory;
}
