using Nori.IO;

namespace NoriKV.Node.Recovery;

/// <summary>
/// Makes a cluster of the nodes that are left when the majority of a shard, or of the meta group, is lost for ever. Offline; what is
/// lost with the others is lost, and the plan says how much that can be.
/// </summary>
public static class QuorumRecovery
{
    /// <summary>Looks at the directories and says what a recovery would do. Changes nothing.</summary>
    /// <param name="directories">The data directories of all nodes that are left; full paths.</param>
    /// <param name="files">Where they lie; null: the disk.</param>
    /// <exception cref="RecoveryException">There is nothing to recover, or it would be wrong to.</exception>
    /// <exception cref="CorruptionException">A directory is damaged beyond what its node could start with.</exception>
    /// <exception cref="StorageException">The file system failed.</exception>
    public static Task<RecoveryPlan> PlanAsync(IReadOnlyList<string> directories, IFileSystem? files = null)
    {
        ArgumentNullException.ThrowIfNull(directories);
        return PlanAsync([.. directories.Select(d => (d, files ?? DiskFileSystem.Instance))], TimeProvider.System);
    }

    /// <summary>Carries the plan out; cut off by a crash, it is to be planned and carried out again.</summary>
    /// <exception cref="RecoveryException">A directory is in use, or has changed since the plan was made.</exception>
    /// <exception cref="StorageException">The file system failed.</exception>
    public static Task ApplyAsync(RecoveryPlan plan) => ApplyAsync(plan, TimeProvider.System);

    internal static async Task<RecoveryPlan> PlanAsync(IReadOnlyList<(string Path, IFileSystem Files)> directories, TimeProvider time)
    {
        if (directories.Count == 0) throw new RecoveryException("Give the data directories that are left");
        var survivors = new List<Survivor>();
        foreach ((string path, IFileSystem files) in directories)
            survivors.Add(await Survey.LookAsync(files, path, time).ConfigureAwait(false));
        return RecoveryPlanner.Make(survivors);
    }

    internal static Task ApplyAsync(RecoveryPlan plan, TimeProvider time)
    {
        ArgumentNullException.ThrowIfNull(plan);
        return new RecoveryWriter(plan, time).RunAsync();
    }
}
