using Nori.Raft.Core;

namespace Nori.Raft;

/// <summary>Where snapshots are kept. Calls are synchronous; anything thrown ends the replica.</summary>
/// <remarks>Called by several threads, each snapshot that is being staged by one.</remarks>
public interface ISnapshotStore
{
    /// <summary>The newest whole snapshot; null when there is none.</summary>
    StoredSnapshot? Latest { get; }

    /// <summary>Reads a part of a whole snapshot; fewer bytes than asked for only at its end.</summary>
    /// <returns>The bytes read; −1 when a newer one took its place.</returns>
    int Read(StoredSnapshot snapshot, long offset, Span<byte> buffer);

    /// <summary>
    /// Begins a snapshot, or goes on with what is left of the same one (equal origin, index, term and id).
    /// </summary>
    /// <param name="meta">What it covers.</param>
    /// <param name="origin">Made here or received.</param>
    /// <param name="id">Tells snapshots of equal index and term apart: the checksum of one received, 0 of one's own.</param>
    ISnapshotStaging Stage(SnapshotMeta meta, SnapshotOrigin origin, uint id);
}
