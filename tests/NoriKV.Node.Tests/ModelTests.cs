using System.Text;
using Nori.Core;
using Nori.IO;
using NoriKV.Types;
using static NoriKV.Node.Tests.SteppedNode;

namespace NoriKV.Node.Tests;

/// <summary>
/// Random operations against a model of the wire's meaning, over clean restarts, crashes of the process and a moving
/// clock; with a log so small that its garbage is collected all the time, and an engine that flushes and compacts.
/// </summary>
public sealed class ModelTests
{
    private const int Operations = 500;

    [Fact]
    public void The_node_agrees_with_the_model()
    {
        long segments = 0;
        for (ulong seed = 1; seed <= 60; seed++) segments = Math.Max(segments, new Run(seed).Go());
        Assert.InRange(segments, 1, 12); // The log is collected: it does not keep all it ever held.
    }

    private sealed class Run(ulong seed)
    {
        private readonly Prng _random = new(seed);
        private readonly ManualTime _time = new();
        private readonly SortedDictionary<string, Item> _items = new(StringComparer.Ordinal);
        private readonly Dictionary<(string Id, string Key, bool IsDelete), Kept> _kept = [];
        private IFileSystem _files = new MemoryFileSystem(seed);
        private SteppedNode _node = null!;
        private KvVersion _last;
        private int _next;

        public int Go()
        {
            _node = Open();
            for (int i = 0; i < Operations; i++)
            {
                _time.AdvanceMs(_random.NextInt(2000));
                Act(_random.NextInt(100), i);
            }

            Check("end");
            _node.Stop();
            return _files.List($"{Data}/log").Count;
        }

        private void Act(int dice, int step)
        {
            string key = $"k{_random.NextInt(15)}";
            if (dice < 50) Put(key, step);
            else if (dice < 65) Delete(key, step);
            else if (dice < 90) CheckKey(key, $"step {step}");
            else if (dice < 95) Check($"step {step}");
            else if (dice < 98) Restart();
            else Crash();
        }

        private void Put(string key, int step)
        {
            var options = new PutOptions
            {
                Ttl = _random.Chance(0.3) ? TimeSpan.FromMilliseconds(_random.NextInt(1, 20_000)) : null,
                IfMatch = _random.Chance(0.25) ? Guess(key) : null,
                IdempotencyKey = _random.Chance(0.3) ? $"id{_random.NextInt(8)}" : null,
            };
            options = options with { IfNotExists = options.IfMatch is null && _random.Chance(0.15) };
            string value = $"v{_next++}" + new string('x', _random.NextInt(2000));
            KvResult<PutResult> result = _node.Put(key, value, options);
            KvVersion? answered = result.IsOk ? result.Value.Version : null;
            if (Replayed((options.IdempotencyKey, key, false), answered, result.Error, step)) return;
            Item? now = Live(key);
            KvCode expected = options.IfMatch is { } version && now?.Version != version ? KvCode.VersionMismatch
                : options.IfNotExists && now is not null ? KvCode.AlreadyExists
                : KvCode.Ok;
            Expect(expected, result.Error, $"put {key} at {step}");
            if (!result.IsOk) return;
            long expiry = options.Ttl is { } ttl ? _time.UnixMs + (long)ttl.TotalMilliseconds : long.MaxValue;
            _items[key] = new Item(value, result.Value.Version, expiry);
        }

        private void Delete(string key, int step)
        {
            var options = new DeleteOptions
            {
                IfMatch = _random.Chance(0.25) ? Guess(key) : null,
                IdempotencyKey = _random.Chance(0.3) ? $"id{_random.NextInt(8)}" : null,
            };
            KvResult<DeleteResult> result = _node.Delete(key, options);
            KvVersion? answered = result.IsOk ? result.Value.Version : null;
            if (Replayed((options.IdempotencyKey, key, true), answered, result.Error, step)) return;
            Item? now = Live(key);
            bool refused = options.IfMatch is { } version && now?.Version != version;
            Expect(refused ? KvCode.VersionMismatch : KvCode.Ok, result.Error, $"delete {key} at {step}");
            if (!result.IsOk) return;
            Assert.True(result.Value.Tombstoned == now is not null, Where($"tombstoned of {key} at {step}"));
            _items.Remove(key);
        }

        /// <summary>True when the request came before: then its first answer, and nothing else, must have come.</summary>
        private bool Replayed((string? Id, string Key, bool IsDelete) request, KvVersion? version, KvError? error, int step)
        {
            if (request.Id is null) return false;
            (string, string, bool) id = (request.Id, request.Key, request.IsDelete);
            if (_kept.TryGetValue(id, out Kept kept) && _time.UnixMs - kept.Stamp < 600_000)
            {
                bool same = kept.Version == version && kept.Code == (error?.Code ?? KvCode.Ok);
                Assert.True(same, Where($"repeat of {id} at {step}"));
                return true;
            }

            // Between the retention and the end of its life an outcome may be remembered or not: not asked about here.
            Assert.True(kept == default || _time.UnixMs - kept.Stamp > 800_000 || version is null || version != kept.Version);
            _kept[id] = new Kept(_time.UnixMs, version, error?.Code ?? KvCode.Ok);
            return false;
        }

        private void CheckKey(string key, string when)
        {
            GetResult got = _node.Get(key).Value;
            Item? expected = Live(key);
            Assert.True(got.Found == expected is not null, Where($"{key} found {got.Found} {when}"));
            if (expected is null) return;
            Assert.True(got.Version == expected.Version, Where($"version of {key} {when}"));
            Assert.True(Encoding.UTF8.GetString(got.Value.Span) == expected.Value, Where($"value of {key} {when}"));
            _last = got.Version;
        }

        private void Check(string when)
        {
            List<string> expected = [.. _items.Keys.Where(k => Live(k) is not null)];
            bool reverse = _random.Chance(0.5);
            if (reverse) expected.Reverse();
            List<string> found = _node.ScanAll(new ScanOptions { Reverse = reverse }, _random.NextInt(1, 20));
            Assert.True(expected.SequenceEqual(found), Where($"scan {when}: {string.Join(' ', found)}"));
            foreach (string key in expected) CheckKey(key, when);
        }

        private void Restart()
        {
            _node.Stop();
            _node = Open();
        }

        private void Crash()
        {
            // The process dies: nothing is flushed and nothing closed.
            _files = ((MemoryFileSystem)_files).Crash(_random.NextUInt64());
            _node = Open();
        }

        private SteppedNode Open() => Start(_files, _time, o => o with
        {
            TotalShards = 4,
            MemtableBytes = 8192,
            LogSegmentBytes = 64 << 10,
            LogEarlyFlushSegments = 2,
            Seed = seed,
        });

        private Item? Live(string key) =>
            _items.TryGetValue(key, out Item? item) && item.Expiry > _time.UnixMs ? item : null;

        private KvVersion Guess(string key) => _random.Chance(0.6) ? Live(key)?.Version ?? _last : _last;

        private void Expect(KvCode expected, KvError? error, string what) =>
            Assert.True(expected == (error?.Code ?? KvCode.Ok), Where($"{what}: {error?.Message ?? "ok"}, expected {expected}"));

        private string Where(string what) => $"seed {seed}: {what}";

        private sealed record Item(string Value, KvVersion Version, long Expiry);

        private readonly record struct Kept(long Stamp, KvVersion? Version, KvCode Code);
    }
}
