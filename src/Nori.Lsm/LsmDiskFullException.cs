namespace Nori.Lsm;

/// <summary>
/// There is no space left: this write was refused and left nothing behind. Reads go on; writes are taken again,
/// without
/// any call, once space was freed and the background work has got through.
/// </summary>
/// <param name="directory">The engine's directory.</param>
/// <param name="cause">The failure that showed it.</param>
public sealed class LsmDiskFullException(string directory, Exception? cause)
    : IOException($"no space left where {directory} lies; writes are refused until space is freed", cause)
{
    /// <summary>The engine's directory.</summary>
    public string Directory { get; } = directory;
}
