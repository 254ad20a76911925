using Nori.Core;
using NoriKV.Client;
using NoriKV.Types;

namespace NoriKV.Acceptance;

/// <summary>A concurrent load whose every acknowledgement is remembered, and the check that all of it is still there.</summary>
internal sealed class CrashWorkload
{
    private const int Workers = 24;
    private const int KeysOfWorker = 12;
    private const int Counters = 4;

    private readonly KeyHistory[] _keys =
        [.. Enumerable.Range(0, Workers * KeysOfWorker).Select(i => new KeyHistory((uint)i))];

    private readonly CounterHistory[] _counters = [.. Enumerable.Range(0, Counters).Select(i => new CounterHistory(i))];

    public long Acknowledged => _keys.Sum(k => k.Acknowledged);

    public long Unknown => _keys.Sum(k => k.Unknown);

    /// <summary>
    /// Writes until told to stop. Half the workers use the patient client, whose writes outlive a crash by being repeated;
    /// the other half the hasty one, whose writes are lost in the middle.
    /// </summary>
    public Task LoadAsync(INoriKV patient, INoriKV hasty, Prng random, CancellationToken stop)
    {
        IEnumerable<Task> workers = Enumerable.Range(0, Workers).Select(worker =>
        {
            Prng own = random.Fork();
            INoriKV store = worker % 2 == 0 ? patient : hasty;
            return Task.Run(async () =>
            {
                while (!stop.IsCancellationRequested)
                {
                    await _keys[worker * KeysOfWorker + own.NextInt(KeysOfWorker)].WriteAsync(store, own);
                    if (own.Chance(0.2)) await _counters[own.NextInt(Counters)].IncrementAsync(store);
                }
            });
        });
        return Task.WhenAll(workers.ToArray());
    }

    /// <summary>Waits until so many writes are acknowledged: a smaller load would mean nothing, however busy the machine is.</summary>
    public async Task AcknowledgedAsync(long count)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        while (Acknowledged < count) await Task.Delay(20, limit.Token);
    }

    /// <summary>Everything acknowledged is there with its version, whole, and repeats answer as the first time.</summary>
    public async Task VerifyAsync(INoriKV store)
    {
        await Task.WhenAll(_keys.Select(k => k.VerifyAsync(store)));
        await Task.WhenAll(_counters.Select(c => c.VerifyAsync(store)));
        await Task.WhenAll(_keys.Select(k => k.RepeatAsync(store)));
        await Task.WhenAll(_keys.Select(k => k.VerifyAsync(store)));
        await VerifyScanAsync(store);
    }

    // The scan must give the very keys that point reads find, in order.
    private async Task VerifyScanAsync(INoriKV store)
    {
        var scanned = new List<byte[]>();
        await foreach (KvPair pair in store.ScanAsync(new ScanOptions { Prefix = "key:"u8.ToArray() }))
        {
            scanned.Add(pair.Key.ToArray());
        }

        GetResult[] found = await Task.WhenAll(_keys.Select(k => store.GetAsync(k.Key).AsTask()));
        Assert.Equal(_keys.Where((_, i) => found[i].Found).Select(k => k.Key), scanned);
    }
}
