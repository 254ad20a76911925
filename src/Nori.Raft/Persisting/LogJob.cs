namespace Nori.Raft;

/// <summary>What the log is to do for one Ready, or for a cut of its prefix.</summary>
/// <param name="Number">The Ready; 0 of a cut.</param>
/// <param name="Write">What to store; null when this Ready only waits for those before it.</param>
/// <param name="Install">A received snapshot that is made the newest one first.</param>
internal sealed record LogJob(ulong Number, RaftLogWrite? Write, StagedSnapshot? Install)
{
    public long Size => Write?.Size ?? 0;
}
