using System.Globalization;
using System.Text;
using Nori.Core;
using NoriKV.Client;
using NoriKV.TestKit.Recording;
using NoriKV.Types;

namespace NoriKV.Cli.Chaos.Load;

/// <summary>Callers that read and write a small set of keys in a round and record what they saw. Every value is written once.</summary>
internal sealed class ChaosLoad
{
    private static readonly ReadOptions Leased = new() { Consistency = Consistency.Lease };

    private readonly INoriKV[] _stores;
    private readonly ChaosOptions _options;
    private readonly LoadCounts _counts;
    private readonly TimeProvider _time;
    private long _values;

    /// <param name="clients">Whom the callers use, in turn.</param>
    /// <param name="options">How many callers, how fast.</param>
    /// <param name="prefix">Begins the keys of this round.</param>
    /// <param name="counts">What became of the calls.</param>
    /// <param name="time">The pace.</param>
    public ChaosLoad(IReadOnlyList<INoriKV> clients, ChaosOptions options, string prefix, LoadCounts counts, TimeProvider time)
    {
        (_options, _counts, _time) = (options, counts, time);
        Keys = new Registers(prefix);
        _stores = [.. clients.Select(Recorder.Wrap)];
    }

    public HistoryRecorder Recorder { get; } = new();

    public Registers Keys { get; }

    /// <summary>Calls until it is cancelled; what is under way ends with its deadline.</summary>
    public Task RunAsync(Prng random, CancellationToken stop) =>
        Task.WhenAll(Enumerable.Range(0, _options.Callers).Select(i => CallerAsync(_stores[i % _stores.Length], random.Fork(), stop)));

    /// <summary>Reads every key once more, each until it is answered or the limit is over; null for those that were not.</summary>
    public async Task<IReadOnlyDictionary<string, string?>?> ReadAllAsync(TimeSpan limit, CancellationToken cancellationToken)
    {
        var found = new Dictionary<string, string?>(StringComparer.Ordinal);
        long begun = _time.GetTimestamp();
        foreach (string key in Keys.All)
        {
            while (await TryReadAsync(key, found, cancellationToken).ConfigureAwait(false) is false)
            {
                if (_time.GetElapsedTime(begun) > limit) return null;
            }
        }

        return found;
    }

    private async Task<bool> TryReadAsync(string key, Dictionary<string, string?> found, CancellationToken cancellationToken)
    {
        try
        {
            GetResult got = await _stores[0].GetAsync(Encoding.UTF8.GetBytes(key), null, cancellationToken).ConfigureAwait(false);
            found[key] = got.Found ? Encoding.UTF8.GetString(got.Value.Span) : null;
            return true;
        }
        catch (NoriKVException)
        {
            return false;
        }
    }

    private async Task CallerAsync(INoriKV store, Prng random, CancellationToken stop)
    {
        var seen = new Dictionary<string, KvVersion>(StringComparer.Ordinal);
        double meanMs = 1000.0 * _options.Callers / _options.Rate;
        while (!stop.IsCancellationRequested)
        {
            string key = Keys.Draw(random);
            await OneAsync(store, key, seen, random).ConfigureAwait(false);
            var pause = TimeSpan.FromMilliseconds(-Math.Log(1 - random.NextDouble()) * meanMs);
            await Task.Delay(pause, _time, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    // Never cancelled: a call that is cut off tells less than one whose deadline passes.
    private async Task OneAsync(INoriKV store, string key, Dictionary<string, KvVersion> seen, Prng random)
    {
        byte[] name = Encoding.UTF8.GetBytes(key);
        int dice = random.NextInt(100);
        bool isRead = dice < 40;
        try
        {
            if (isRead)
            {
                // Under a lease as well: both promise the latest.
                ReadOptions? how = dice < 15 ? Leased : null;
                GetResult got = await store.GetAsync(name, how).ConfigureAwait(false);
                seen[key] = got.Version;
            }
            else if (dice < 95)
            {
                PutResult put = await store.PutAsync(name, NextValue(random), ConditionOf(key, dice, seen)).ConfigureAwait(false);
                seen[key] = put.Version;
            }
            else
            {
                await store.DeleteAsync(name).ConfigureAwait(false);
                seen.Remove(key);
            }

            _counts.Done(isRead);
        }
        catch (NoriKVException e)
        {
            if (_counts.Failed(isRead, e.Code)) Keys.NoteUnknown(key);
            seen.Remove(key);
        }
    }

    // A part of the writes is conditional: on the version that was seen last, or on the key's absence.
    private static PutOptions? ConditionOf(string key, int dice, Dictionary<string, KvVersion> seen)
    {
        if (dice < 80) return null;
        return seen.TryGetValue(key, out KvVersion version) && version.IsPresent
            ? new PutOptions { IfMatch = version }
            : new PutOptions { IfNotExists = true };
    }

    private byte[] NextValue(Prng random)
    {
        string text = string.Create(CultureInfo.InvariantCulture, $"v{Interlocked.Increment(ref _values)}");
        return Encoding.UTF8.GetBytes(text.PadRight(8 + random.NextInt(200), '.'));
    }
}
