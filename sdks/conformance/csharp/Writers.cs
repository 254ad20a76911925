using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using NoriKV.Client;
using NoriKV.Types;

namespace NoriKV.Conformance;

/// <summary>
/// Writers that each count up a key of their own with compare-and-set on the version they wrote last. A write done twice
/// meets its own effect; a write that was lost is missed by the read behind it.
/// </summary>
internal sealed class Writers : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly NoriKVClient _client;
    private readonly Data _data;
    private readonly CancellationTokenSource _stop = new();
    private readonly ConcurrentQueue<KvError> _errors = new();
    private readonly int[] _done;
    private readonly Task[] _running;
    private int _lost;
    private int _doubled;

    public Writers(NoriKVClient client, Data data, int count)
    {
        (_client, _data, _done) = (client, data, new int[count]);
        _running = [.. Enumerable.Range(0, count).Select(WriteAsync)];
    }

    public async Task WrittenAsync(int more)
    {
        int[] before = [.. _done];
        long begun = Stopwatch.GetTimestamp();
        while (_running.Where((t, i) => !t.IsCompleted && Volatile.Read(ref _done[i]) < before[i] + more).Any())
        {
            if (Stopwatch.GetElapsedTime(begun) > Patience)
                throw new ExpectationException($"the writers stand at {string.Join(' ', _done)}");
            await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System);
        }
    }

    public async Task StopAsync(int more, JsonElement expect)
    {
        await WrittenAsync(more);
        await DisposeAsync();
        foreach (KvError error in _errors)
        {
            if (!Expectation.Names(expect.GetProperty("errors"), error.Code))
                throw new ExpectationException($"a writer saw {error.Code.ToWire()}: {error.Message}");
        }

        if (_lost != expect.GetProperty("lost").GetInt32() || _doubled != expect.GetProperty("doubled").GetInt32())
            throw new ExpectationException($"{_lost} lost, {_doubled} doubled");
    }

    /// <summary>What they saw so far.</summary>
    public JsonObject Report(string language) => new()
    {
        ["language"] = language,
        ["writes"] = _done.Sum(),
        ["errors"] = new JsonArray([.. _errors.Select(e => (JsonNode)$"{e.Code.ToWire()}: {e.Message}")]),
        ["lost"] = _lost,
        ["doubled"] = _doubled,
    };

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await Task.WhenAll(_running);
    }

    private async Task WriteAsync(int writer)
    {
        using JsonDocument name = JsonDocument.Parse($"\"writer-{writer}\"");
        byte[] key = _data.Key(name.RootElement, "");
        KvVersion last = KvVersion.None;
        byte[] value = [];
        try
        {
            while (!_stop.IsCancellationRequested)
            {
                value = Encoding.UTF8.GetBytes((_done[writer] + 1).ToString(CultureInfo.InvariantCulture));
                last = (await _client.PutAsync(key, value, last.IsPresent
                    ? new PutOptions { IfMatch = last }
                    : new PutOptions { IfNotExists = true })).Version;
                await CheckAsync(key, value, last);
                Interlocked.Increment(ref _done[writer]);
            }

            await CheckAsync(key, value, last);
        }
        catch (NoriKVException e) when (e is VersionMismatchException or AlreadyExistsException)
        {
            Interlocked.Increment(ref _doubled);
        }
        catch (NoriKVException e)
        {
            _errors.Enqueue(e.Error);
        }
    }

    private async Task CheckAsync(byte[] key, byte[] value, KvVersion version)
    {
        GetResult got = await _client.GetAsync(key);
        if (got.Version != version || !got.Value.Span.SequenceEqual(value)) Interlocked.Increment(ref _lost);
    }
}
