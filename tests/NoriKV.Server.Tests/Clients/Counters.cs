using System.Globalization;
using NoriKV.Client;
using NoriKV.Types;

namespace NoriKV.Server.Tests;

/// <summary>
/// Writers that each count upwards in a key of their own, each write on the condition that the one before is there: a write that
/// was done twice or lost meets its own version. The first failure ends a writer and is kept.
/// </summary>
internal sealed class Counters : IAsyncDisposable
{
    private readonly CancellationTokenSource _stop = new();
    private readonly Task[] _writers;
    private long _done;

    public Counters(INoriKV client, int writers) =>
        _writers = [.. Enumerable.Range(0, writers).Select(i => WriteAsync(client, $"counter-{i}"))];

    /// <summary>Writes done.</summary>
    public long Done => Interlocked.Read(ref _done);

    /// <summary>Waits until so many more are done, or a writer has failed.</summary>
    public async Task MoreAsync(int more)
    {
        long target = Done + more;
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        while (Done < target && !_writers.Any(static w => w.IsFaulted)) await Task.Delay(5, patience.Token);
    }

    /// <summary>Ends the writers; throws what one of them met.</summary>
    public async Task FinishAsync()
    {
        await _stop.CancelAsync();
        await Task.WhenAll(_writers);
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        foreach (Task writer in _writers) await writer.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _stop.Dispose();
    }

    private async Task WriteAsync(INoriKV client, string key)
    {
        await Task.Yield();
        KvVersion version = KvVersion.None;
        for (long i = 1; !_stop.IsCancellationRequested; i++)
        {
            string value = i.ToString(CultureInfo.InvariantCulture);
            PutOptions condition = version.IsPresent ? new() { IfMatch = version } : new() { IfNotExists = true };
            version = (await client.PutAsync(key, value, condition)).Version;
            GetResult read = await client.GetAsync(key);
            Assert.Equal((value, version), (System.Text.Encoding.UTF8.GetString(read.Value.Span), read.Version));
            Interlocked.Increment(ref _done);
        }
    }
}
