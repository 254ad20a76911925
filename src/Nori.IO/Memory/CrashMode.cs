namespace Nori.IO;

/// <summary>What <see cref="MemoryFileSystem.Crash"/> does to what was not synced.</summary>
public enum CrashMode
{
    /// <summary>
    /// Power loss: each unsynced write is kept, dropped or torn, between sectors of 512 bytes or inside one;
    /// what is missing shows the old content, zeros beyond the old end. Unsynced names are kept up to a point
    /// of each directory's history.
    /// </summary>
    PowerLoss = 0,

    /// <summary>
    /// As <see cref="PowerLoss"/>, but missing parts of a torn write may hold garbage: inside a torn sector,
    /// and where the file grew without its bytes. Bytes outside the write are never touched.
    /// </summary>
    PowerLossGarbage,

    /// <summary>The worst disk allowed: nothing unsynced survives.</summary>
    DropUnsynced,

    /// <summary>Only the process dies: the page cache keeps everything, still unsynced.</summary>
    ProcessOnly,
}
