namespace Nori.Lsm.Compaction;

/// <summary>Where one compaction at a time is under way; an engine has as many as it may run side by side.</summary>
internal sealed class CompactionLane(int index)
{
    /// <summary>The second comer returns at once. Guards the job and its time.</summary>
    public Lock Gate { get; } = new();

    public int Index => index;

    /// <summary>Only the first lane runs what callers asked for, so that their order stays.</summary>
    public bool TakesManual => index == 0;

    public CompactionJob? Job { get; set; }

    public long JobStarted { get; set; }

    /// <summary>What is under way, chosen tables and range; guarded by the engine's manifest lock.</summary>
    public CompactionPick? Pick { get; set; }
}
