using Nori.Core;
using NoriKV.Client;
using NoriKV.Types;

namespace NoriKV.Acceptance;

/// <summary>
/// One key, written by one worker at a time: what was acknowledged, and what may have been done since. After a crash the
/// key must be in exactly one of these states.
/// </summary>
internal sealed class KeyHistory(uint number)
{
    private const int RepeatsMax = 4;

    private readonly List<(ulong Write, bool Deletes)> _perhaps = [];
    private readonly Queue<(byte[] Value, string Id, KvVersion Version)> _repeatable = new();
    private ulong _lastWrite;
    private ulong _ackedWrite; // 0: acknowledged as missing
    private KvVersion _ackedVersion;

    public byte[] Key { get; } = System.Text.Encoding.UTF8.GetBytes($"key:{number:d6}");

    public long Acknowledged { get; private set; }

    public long Unknown { get; private set; }

    /// <summary>Writes or deletes the key once and notes what is known of it.</summary>
    public async Task WriteAsync(INoriKV store, Prng random)
    {
        ulong write = ++_lastWrite;
        bool deletes = random.Chance(0.1);
        string? id = !deletes && random.Chance(0.2) ? $"id-{number}-{write}" : null;
        int filler = random.Chance(0.02) ? random.NextInt(200_000) : random.NextInt(2000);
        byte[] value = SelfCheckingValue.Create(number, write, filler, random);
        try
        {
            KvVersion version = deletes
                ? (await store.DeleteAsync(Key)).Version
                : (await store.PutAsync(Key, value, new PutOptions { IdempotencyKey = id })).Version;
            Assert.True(
                version.CompareTo(_ackedVersion) > 0, $"key {number}: version {version} does not follow {_ackedVersion}");
            (_ackedWrite, _ackedVersion) = (deletes ? 0 : write, version);
            _perhaps.Clear();
            Acknowledged++;
            if (id is null) return;
            _repeatable.Enqueue((value, id, version));
            if (_repeatable.Count > RepeatsMax) _repeatable.Dequeue();
        }
        catch (OutcomeUnknownException)
        {
            _perhaps.Add((write, deletes));
            Unknown++;
        }
        catch (NoriKVException e) when (e.Code is KvCode.Unavailable or KvCode.DeadlineExceeded or KvCode.Overloaded)
        {
            // The client says that it was not done: then it must not be there.
        }
    }

    /// <summary>Reads the key and checks it against its history.</summary>
    public async Task VerifyAsync(INoriKV store)
    {
        GetResult got = await store.GetAsync(Key);
        if (!got.Found)
        {
            Assert.True(
                _ackedWrite == 0 || _perhaps.Any(p => p.Deletes),
                $"key {number}: write {_ackedWrite} was acknowledged and is lost");
            return;
        }

        ulong write = SelfCheckingValue.Read(number, got.Value.Span);
        if (write == _ackedWrite)
        {
            Assert.Equal(_ackedVersion, got.Version);
            return;
        }

        Assert.True(
            _perhaps.Contains((write, false)), $"key {number}: found write {write}, acknowledged was {_ackedWrite}");
        Assert.True(got.Version.CompareTo(_ackedVersion) > 0, $"key {number}: {got.Version} is not above {_ackedVersion}");
    }

    /// <summary>Repeats acknowledged writes under their idempotency keys: the first answers, and nothing is written.</summary>
    public async Task RepeatAsync(INoriKV store)
    {
        foreach ((byte[] value, string id, KvVersion version) in _repeatable)
        {
            PutResult again = await store.PutAsync(Key, value, new PutOptions { IdempotencyKey = id });
            Assert.Equal(version, again.Version);
            Assert.Equal("true", again.Meta.IdempotentReplay);
        }
    }
}
