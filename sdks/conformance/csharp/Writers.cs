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
/// meets its own effect; a write that was lost is missed by the read behind it. By kind: put; plain: without a condition; large:
/// values of 1 MiB; batch: with a second key; delete: the key is made and deleted again.
/// </summary>
internal sealed class Writers : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly NoriKVClient _client;
    private readonly Data _data;
    private readonly string[] _kinds;
    private readonly CancellationTokenSource _stop = new();
    private readonly ConcurrentQueue<KvError> _errors = new();
    private readonly int[] _done;
    private readonly Task[] _running;
    private int _lost;
    private int _doubled;

    public Writers(NoriKVClient client, Data data, int count, params string[] kinds)
    {
        (_client, _data, _done, _kinds) = (client, data, new int[count], kinds);
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
        string kind = _kinds[writer % _kinds.Length];
        KvVersion last = KvVersion.None;
        byte[] value = [];
        try
        {
            while (!_stop.IsCancellationRequested)
            {
                value = Encoding.UTF8.GetBytes((_done[writer] + 1).ToString(CultureInfo.InvariantCulture));
                if (kind == "large") Array.Resize(ref value, 1 << 20);
                last = await OnceAsync(kind, key, value, last);
                await CheckAsync(key, value, last);
                if (kind == "batch" && !(await _client.GetAsync(Second(key))).Value.Span.SequenceEqual(value))
                    Interlocked.Increment(ref _lost);
                if (kind == "delete")
                {
                    // Deleted once: twice would find nothing.
                    DeleteResult deleted = await _client.DeleteAsync(key, new DeleteOptions { IfMatch = last });
                    if (!deleted.Tombstoned) Interlocked.Increment(ref _doubled);
                    (last, value) = (KvVersion.None, []);
                    await CheckAsync(key, value, last);
                }

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

    private async Task<KvVersion> OnceAsync(string kind, byte[] key, byte[] value, KvVersion last)
    {
        if (kind == "plain") return (await _client.PutAsync(key, value)).Version;
        if (kind != "batch") return (await _client.CompareAndSetAsync(key, value, last)).Version;
        IReadOnlyList<BatchOperationResult> results = await _client.BatchAsync(
        [
            BatchOperation.Put(key, value, ifMatch: last.IsPresent ? last : null, ifNotExists: !last.IsPresent),
            BatchOperation.Put(Second(key), value),
        ]);
        foreach (BatchOperationResult result in results)
        {
            if (result.Error is { } error) throw NoriKVException.From(error);
        }

        return results[0].Version;
    }

    private static byte[] Second(byte[] key) => [.. key, 0];

    private async Task CheckAsync(byte[] key, byte[] value, KvVersion version)
    {
        GetResult got = await _client.GetAsync(key);
        if (got.Version != version || !got.Value.Span.SequenceEqual(value)) Interlocked.Increment(ref _lost);
    }
}
