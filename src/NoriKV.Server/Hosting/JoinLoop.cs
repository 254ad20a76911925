using Nori.Swim;

namespace NoriKV.Server;

/// <summary>
/// Joins through the seeds until one answers, and later again through those that are not among the living: names are
/// resolved anew each time, so a seed that came back under another address is found, and two halves that forgot each
/// other too.
/// </summary>
internal sealed class JoinLoop : IAsyncDisposable
{
    private static readonly TimeSpan RetryFirst = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan RetryMax = TimeSpan.FromSeconds(10);
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _running;

    public JoinLoop(SwimNode swim, IReadOnlyList<HostPort> seeds, ServerLog log, TimeProvider time) =>
        _running = seeds.Count == 0 ? Task.CompletedTask : RunAsync(swim, seeds, log, time, _stop.Token);

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync().ConfigureAwait(false);
        await _running.ConfigureAwait(false);
        _stop.Dispose();
    }

    private static async Task RunAsync(
        SwimNode swim, IReadOnlyList<HostPort> seeds, ServerLog log, TimeProvider time, CancellationToken stop)
    {
        string[] names = [.. seeds.Select(static s => s.ToString())];
        TimeSpan pause = RetryFirst;
        bool wasAlone = false;
        try
        {
            while (!stop.IsCancellationRequested && !swim.IsStopped)
            {
                await swim.RejoinAsync(names, stop).ConfigureAwait(false);
                bool isAlone = swim.AliveMembers.Count < 2;
                if (isAlone && !wasAlone) log.Warning("swim", "alone: no seed answers yet", ("seeds", string.Join(',', names)));
                if (!isAlone && (wasAlone || pause == RetryFirst))
                    log.Info("swim", "joined", ("members", swim.AliveMembers.Count));
                (wasAlone, pause) = (isAlone, isAlone && pause * 2 < RetryMax ? pause * 2 : RetryMax);
                await Task.Delay(pause, time, stop).ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException)
        {
            // The end of the loop.
        }
    }
}
