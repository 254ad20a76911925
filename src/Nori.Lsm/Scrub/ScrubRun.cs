namespace Nori.Lsm.Scrub;

/// <summary>A scrub that the engine steps, and who waits for it.</summary>
internal sealed class ScrubRun(LsmScrubOptions options, IProgress<LsmScrubProgress>? progress, CancellationToken ct)
{
    private readonly TaskCompletionSource<LsmScrubReport> _done = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public LsmScrubOptions Options { get; } = options;

    public CancellationToken Cancelled { get; } = ct;

    /// <summary>Made with the first step.</summary>
    public LsmScrubber? Scrubber { get; set; }

    public Task<LsmScrubReport> Task => _done.Task;

    public void Report() => progress?.Report(Scrubber!.Progress);

    public void End(LsmScrubReport report)
    {
        Scrubber?.Dispose();
        _done.TrySetResult(report);
    }

    public void Fail(Exception e)
    {
        Scrubber?.Dispose();
        _done.TrySetException(e);
    }
}
