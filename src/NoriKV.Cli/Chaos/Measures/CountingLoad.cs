using System.Globalization;
using System.Text;
using Nori.Core;
using NoriKV.Client;
using NoriKV.Types;

namespace NoriKV.Cli.Chaos.Measures;

/// <summary>
/// Callers that count upwards in keys of their own, each in its own: a key that holds less than was acknowledged has lost a write.
/// </summary>
internal sealed class CountingLoad(INoriKV client, int callers, ulong seed, TimeProvider time)
{
    private const int KeysOfCaller = 64;

    private readonly long[] _acknowledged = new long[callers * KeysOfCaller];
    private long _done;
    private long _failed;
    private long _longestTicks;

    /// <summary>Writes acknowledged.</summary>
    public long Done => Interlocked.Read(ref _done);

    /// <summary>Writes that were not within their deadline.</summary>
    public long Failed => Interlocked.Read(ref _failed);

    /// <summary>The longest write since it was last asked.</summary>
    public TimeSpan TakeLongest() => TimeSpan.FromTicks(Interlocked.Exchange(ref _longestTicks, 0));

    /// <summary>Writes until it is cancelled.</summary>
    public Task RunAsync(CancellationToken stop)
    {
        var random = new Prng(seed);
        return Task.WhenAll(Enumerable.Range(0, callers).Select(i => CallerAsync(i, random.Fork(), stop)));
    }

    /// <summary>Reads all keys: how many hold less than was acknowledged.</summary>
    public async Task<int> CountLostAsync(CancellationToken cancellationToken)
    {
        int lost = 0;
        for (int i = 0; i < _acknowledged.Length; i++)
        {
            if (_acknowledged[i] == 0) continue;
            GetResult got = await client.GetAsync(KeyOf(i), null, cancellationToken).ConfigureAwait(false);
            long there = got.Found ? long.Parse(Encoding.ASCII.GetString(got.Value.Span), CultureInfo.InvariantCulture) : 0;
            if (there < _acknowledged[i]) lost++;
        }

        return lost;
    }

    private async Task CallerAsync(int caller, Prng random, CancellationToken stop)
    {
        long[] next = new long[KeysOfCaller];
        while (!stop.IsCancellationRequested)
        {
            int key = random.NextInt(KeysOfCaller);
            int place = (caller * KeysOfCaller) + key;
            byte[] value = Encoding.ASCII.GetBytes((++next[key]).ToString(CultureInfo.InvariantCulture));
            long begun = time.GetTimestamp();
            try
            {
                await client.PutAsync(KeyOf(place), value, null, CancellationToken.None).ConfigureAwait(false);
                _acknowledged[place] = next[key];
                Interlocked.Increment(ref _done);
            }
            catch (NoriKVException)
            {
                Interlocked.Increment(ref _failed);
            }

            Note(time.GetElapsedTime(begun).Ticks);
        }
    }

    private void Note(long ticks)
    {
        long seen = Volatile.Read(ref _longestTicks);
        while (ticks > seen)
        {
            long before = Interlocked.CompareExchange(ref _longestTicks, ticks, seen);
            if (before == seen) return;
            seen = before;
        }
    }

    private static byte[] KeyOf(int place) =>
        Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"count/{place:00000}"));
}
