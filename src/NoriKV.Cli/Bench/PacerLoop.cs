using System.Runtime.InteropServices;
using System.Threading.Channels;

namespace NoriKV.Cli.Bench;

/// <summary>
/// Hands out operations when they are due, from a thread of its own: the pool's timers are coarse (1 ms), and workers that
/// wait actively would take the processor from the node they measure.
/// </summary>
internal sealed partial class PacerLoop
{
    // Sleeping is exact to about this; the rest is spun away.
    private static readonly TimeSpan SleepError = TimeSpan.FromMicroseconds(80);

    // Where operations are due more often than that, they come in bunches: spinning from one to the next would take a
    // whole processor from the nodes, and it did.
    private static readonly TimeSpan Bunch = TimeSpan.FromMicroseconds(500);

    private readonly Channel<TimeSpan> _due =
        Channel.CreateUnbounded<TimeSpan>(new UnboundedChannelOptions { SingleWriter = true });

    /// <summary>Starts handing out <paramref name="rate"/> operations a second for the duration.</summary>
    public PacerLoop(double rate, TimeSpan duration, long start, TimeProvider time, CancellationToken stop)
    {
        var thread = new Thread(() => Run(rate, duration, start, time, stop)) { IsBackground = true, Name = "bench pacer" };
        thread.Start();
    }

    /// <summary>When the next operation was due, since the start; what nobody takes waits and is late. Null at the end.</summary>
    public async ValueTask<TimeSpan?> NextAsync(CancellationToken cancellationToken)
    {
        try
        {
            // Not WaitToReadAsync: that wakes every idle worker for each operation, this one of them.
            return await _due.Reader.ReadAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (ChannelClosedException)
        {
            return null;
        }
    }

    private void Run(double rate, TimeSpan duration, long start, TimeProvider time, CancellationToken stop)
    {
        for (long i = 0; !stop.IsCancellationRequested; i++)
        {
            TimeSpan due = TimeSpan.FromSeconds(i / rate);
            if (due >= duration) break;
            TimeSpan left = due - time.GetElapsedTime(start);
            if (1 / rate < SleepError.TotalSeconds)
            {
                if (left > TimeSpan.Zero) Sleep(Bunch);
                _due.Writer.TryWrite(due);
                continue;
            }

            if (left > SleepError) Sleep(left - SleepError);
            while (time.GetElapsedTime(start) < due) Thread.SpinWait(20);
            _due.Writer.TryWrite(due);
        }

        _due.Writer.TryComplete();
    }

    private static void Sleep(TimeSpan span)
    {
        if (OperatingSystem.IsLinux()) _ = USleep((uint)Math.Min(span.TotalMicroseconds, 900_000));
        else Thread.Sleep(span);
    }

    [LibraryImport("libc", EntryPoint = "usleep")]
    private static partial int USleep(uint microseconds);
}
