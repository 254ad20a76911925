using Nori.Lsm.Versions;

namespace Nori.Lsm.Scrub;

/// <summary>A table to check; its file stays until this is disposed.</summary>
internal sealed class ScrubTable(ulong number, string path, TableMeta? meta, RefCounted? held) : IDisposable
{
    public ulong Number { get; } = number;

    public string Path { get; } = path;

    /// <summary>What the manifest says of it; null when no manifest can be read.</summary>
    public TableMeta? Meta { get; } = meta;

    public void Dispose() => held?.Release();
}
