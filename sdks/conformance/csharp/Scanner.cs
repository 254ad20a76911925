using System.Diagnostics;
using System.Text.Json;
using NoriKV.Client;
using NoriKV.Types;

namespace NoriKV.Conformance;

/// <summary>Scans one prefix again and again and compares with the keys that must be there.</summary>
internal sealed class Scanner : IAsyncDisposable
{
    private readonly NoriKVClient _client;
    private readonly byte[] _prefix;
    private readonly byte[][] _keys;
    private readonly Task<string?> _running;
    private volatile bool _stopping;
    private int _done;

    public Scanner(NoriKVClient client, byte[] prefix, byte[][] keys)
    {
        (_client, _prefix, _keys) = (client, prefix, keys);
        _running = ScanAsync();
    }

    public async Task StopAsync(int more, JsonElement expect)
    {
        int before = _done;
        long begun = Stopwatch.GetTimestamp();
        while (!_running.IsCompleted && Volatile.Read(ref _done) < before + more)
        {
            if (Stopwatch.GetElapsedTime(begun) > TimeSpan.FromSeconds(60))
                throw new ExpectationException($"the scanner stands at {_done}");
            await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System);
        }

        _stopping = true;
        try
        {
            if (await _running is { } wrong) throw new ExpectationException(wrong);
        }
        catch (NoriKVException e) when (Expectation.Names(expect.GetProperty("errors"), e.Error.Code))
        {
            return;
        }
    }

    public async ValueTask DisposeAsync()
    {
        _stopping = true;
        await ((Task)_running).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    private async Task<string?> ScanAsync()
    {
        while (!_stopping)
        {
            int at = 0;
            await foreach (KvPair pair in _client.ScanAsync(new ScanOptions { Prefix = _prefix }))
            {
                if (at == _keys.Length || !pair.Key.Span.SequenceEqual(_keys[at])) return $"key {at} of a scan is another";
                at++;
            }

            if (at != _keys.Length) return $"a scan ended after {at} of {_keys.Length} keys";
            Interlocked.Increment(ref _done);
        }

        return null;
    }
}
