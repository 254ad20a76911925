using System.Diagnostics;
using System.Globalization;
using System.Text;
using NoriKV.Client;
using NoriKV.TestKit.Recording;
using NoriKV.Types;

namespace NoriKV.Load;

/// <summary>
/// Callers that put, get, delete and compare-and-set a few keys and record what they see. Every value is written once; a key
/// retires after so many calls, because judging a history costs much in calls that overlap.
/// </summary>
internal sealed class Callers(NoriKVClient client, int callers, int perSecond)
{
    private const int LiveKeys = 24;
    private const int CallsMax = 250;
    private static readonly ReadOptions Leased = new() { Consistency = Consistency.Lease };

    private readonly Lock _gate = new();
    private readonly (string Key, int Calls)[] _live = new (string, int)[LiveKeys];
    private int _keys;
    private long _values;
    private long _done;
    private long _failed;
    private long _longestTicks;

    public HistoryRecorder Recorder { get; } = new();

    /// <summary>Why a call failed, the first few of them.</summary>
    public List<string> Failures { get; } = [];

    public long Done => Interlocked.Read(ref _done);

    public long Failed => Interlocked.Read(ref _failed);

    public TimeSpan Longest => Stopwatch.GetElapsedTime(0, Interlocked.Read(ref _longestTicks));

    /// <summary>The longest call from now on.</summary>
    public void ForgetLongest() => Interlocked.Exchange(ref _longestTicks, 0);

    public Task RunAsync(CancellationToken stop)
    {
        INoriKV store = Recorder.Wrap(client);
        return Task.WhenAll(Enumerable.Range(0, callers).Select(i => Task.Run(() => CallerAsync(store, new Random(i), stop))));
    }

    private async Task CallerAsync(INoriKV store, Random random, CancellationToken stop)
    {
        var seen = new Dictionary<string, KvVersion>(StringComparer.Ordinal);
        while (!stop.IsCancellationRequested)
        {
            string key = Draw(random);
            long began = Stopwatch.GetTimestamp();
            try
            {
                await OneAsync(store, key, seen, random);
                Interlocked.Increment(ref _done);
            }
            catch (NoriKVException e) when (e is VersionMismatchException or AlreadyExistsException)
            {
                seen.Remove(key);
                Interlocked.Increment(ref _done);
            }
            catch (NoriKVException e)
            {
                seen.Remove(key);
                Interlocked.Increment(ref _failed);
                lock (_gate)
                    if (Failures.Count < 10) Failures.Add($"{key}: {e.Code}: {e.Message}");
            }

            NoteTime(Stopwatch.GetTimestamp() - began);
            var pause = TimeSpan.FromMilliseconds(-Math.Log(1 - random.NextDouble()) * 1000 * callers / perSecond);
            await Task.Delay(pause, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task OneAsync(INoriKV store, string key, Dictionary<string, KvVersion> seen, Random random)
    {
        byte[] name = Encoding.UTF8.GetBytes(key);
        int dice = random.Next(100);
        if (dice < 40)
        {
            // Under a lease as well: both promise the latest.
            ReadOptions? how = dice < 15 ? Leased : null;
            seen[key] = (await store.GetAsync(name, how)).Version;
        }
        else if (dice < 95)
        {
            PutOptions? condition = dice < 80 ? null
                : seen.TryGetValue(key, out KvVersion version) && version.IsPresent ? new PutOptions { IfMatch = version }
                : new PutOptions { IfNotExists = true };
            string value = string.Create(CultureInfo.InvariantCulture, $"v{Interlocked.Increment(ref _values)}");
            seen[key] = (await store.PutAsync(name, Encoding.UTF8.GetBytes(value), condition)).Version;
        }
        else
        {
            await store.DeleteAsync(name);
            seen.Remove(key);
        }
    }

    private string Draw(Random random)
    {
        lock (_gate)
        {
            ref (string Key, int Calls) live = ref _live[random.Next(LiveKeys)];
            if (live.Key is null || live.Calls >= CallsMax) live = ($"load-{_keys++}", 0);
            live.Calls++;
            return live.Key;
        }
    }

    private void NoteTime(long ticks)
    {
        long longest = Interlocked.Read(ref _longestTicks);
        while (ticks > longest)
        {
            long found = Interlocked.CompareExchange(ref _longestTicks, ticks, longest);
            if (found == longest) return;
            longest = found;
        }
    }
}
