using Nori.Core;
using Nori.IO;
using Nori.Wal;
using NoriKV.Types;
using static NoriKV.Node.Tests.SteppedNode;

namespace NoriKV.Node.Tests;

/// <summary>
/// Acknowledged means durable: a load of puts, deletes, compare-and-sets and keyed writes, a loss of power at a random file
/// operation, a start on what is left, and a check of every key. Three lives a seed.
/// </summary>
public sealed class PowerLossTests
{
    private const int Lives = 3;
    private const int OperationsPerLife = 120;
    private const int Keys = 12;

    [Theory]
    [InlineData(SyncPolicy.Always)]
    [InlineData(SyncPolicy.Batch)]
    public void Nothing_acknowledged_is_lost(SyncPolicy sync)
    {
        for (ulong seed = 1; seed <= 60; seed++) new Run(seed, sync).Go();
    }

    [Theory]
    [InlineData(SyncPolicy.Always)]
    [InlineData(SyncPolicy.Batch)]
    [Trait("Category", "Slow")]
    public void Nothing_acknowledged_is_lost_over_many_seeds(SyncPolicy sync)
    {
        for (ulong seed = 1000; seed < 1300; seed++) new Run(seed, sync).Go();
    }

    private sealed class Run(ulong seed, SyncPolicy sync)
    {
        private readonly Prng _random = new(seed);
        private readonly ManualTime _time = new();
        private readonly Dictionary<string, KeyHistory> _keys = [];
        private readonly List<Attempt> _unknown = [];
        private MemoryFileSystem? _crashed;
        private int _nextValue;
        private KvVersion _highest;

        public void Go()
        {
            var files = new MemoryFileSystem(seed);
            for (int life = 0; life < Lives; life++)
            {
                files = Live(files);
                Check(files, life);
            }
        }

        private MemoryFileSystem Live(MemoryFileSystem files)
        {
            _crashed = null;
            ulong crashSeed = _random.NextUInt64();
            var faulty = new FaultInjectingFileSystem(files);
            SteppedNode node = Open(faulty);
            faulty.Add(new FaultRule
            {
                Operation = FileOperation.Write | FileOperation.Sync | FileOperation.Rename | FileOperation.SyncDirectory,
                AfterCalls = _random.NextInt(1, 150),
                Times = 1,
                Errno = 0,
                Action = _ => _crashed ??= files.Crash(crashSeed),
            });
            var inFlight = new List<Attempt>();
            for (int i = 0; i < OperationsPerLife && _crashed is null; i++)
            {
                inFlight.Add(Begin(node));
                if (_random.Chance(0.6)) Step(node, inFlight);
                if (_random.Chance(0.1)) _time.AdvanceMs(_random.NextInt(50));
            }

            while (_crashed is null && inFlight.Count > 0) Step(node, inFlight);
            foreach (Attempt attempt in inFlight) attempt.Key.Unknown.Add(attempt);
            _unknown.AddRange(inFlight.Where(a => a.Options.IdempotencyKey is not null));
            return _crashed ?? files.Crash(crashSeed);
        }

        private SteppedNode Open(IFileSystem files) => Start(files, _time, o => o with
        {
            Sync = sync,
            MemtableBytes = 4096,
            LogSegmentBytes = 64 << 10,
            TotalShards = 4,
            Seed = seed,
        });

        private Attempt Begin(SteppedNode node)
        {
            string name = $"k{_random.NextInt(Keys)}";
            if (!_keys.TryGetValue(name, out KeyHistory? key)) _keys.Add(name, key = new KeyHistory());
            KvVersion? ifMatch = _random.Chance(0.2) ? key.Acked.Version : null;
            string? value = _random.Chance(0.15) ? null : $"v{_nextValue++}" + new string('x', _random.NextInt(300));
            string? id = _random.Chance(0.4) ? $"id{_nextValue++}" : null;
            var options = new PutOptions { IfMatch = ifMatch, IdempotencyKey = id };
            return new Attempt(name, key, value, options, Send(node, name, value, options));
        }

        private static Task<KvResult<KvVersion>> Send(SteppedNode node, string name, string? value, PutOptions options)
        {
            return value is null ? Delete() : Put();

            async Task<KvResult<KvVersion>> Put()
            {
                KvResult<PutResult> result = await node.Node.PutAsync(Bytes(name), Bytes(value), options, Context);
                return result.TryGet(out PutResult put, out KvError? error) ? put.Version : error;
            }

            async Task<KvResult<KvVersion>> Delete()
            {
                var delete = new DeleteOptions { IfMatch = options.IfMatch, IdempotencyKey = options.IdempotencyKey };
                KvResult<DeleteResult> result = await node.Node.DeleteAsync(Bytes(name), delete, Context);
                return result.TryGet(out DeleteResult put, out KvError? error) ? put.Version : error;
            }
        }

        private void Step(SteppedNode node, List<Attempt> inFlight)
        {
            node.Node.RunOnce();
            // What is answered behind the loss of power never reached anybody.
            if (_crashed is not null) return;
            foreach (Attempt attempt in inFlight.Where(a => a.Task.IsCompleted).ToList())
            {
                inFlight.Remove(attempt);
                attempt.Key.Note(attempt);
            }
        }

        private void Check(MemoryFileSystem files, int life)
        {
            SteppedNode node = Open(files);
            foreach ((string name, KeyHistory key) in _keys)
            {
                GetResult got = node.Get(name).Value;
                string? value = got.Found ? System.Text.Encoding.UTF8.GetString(got.Value.Span) : null;
                bool explained = (value == key.Acked.Value && (value is null || got.Version == key.Acked.Version))
                    || key.Unknown.Any(a => a.Value == value);
                Assert.True(explained, $"seed {seed} {sync} life {life}: {name} holds {value}@{got.Version}, "
                    + $"acknowledged was {key.Acked.Value}@{key.Acked.Version} ({key.Unknown.Count} unknown)");
                if (got.Version.CompareTo(_highest) > 0) _highest = got.Version;
                key.Settle(value, got.Version);
            }

            Retry(node, life);
            node.Stop();
        }

        /// <summary>Whoever does not know the outcome asks again: done before or done now, but once.</summary>
        private void Retry(SteppedNode node, int life)
        {
            foreach (Attempt attempt in _unknown)
            {
                GetResult before = node.Get(attempt.Name).Value;
                KvResult<KvVersion> result = node.Run(new ValueTask<KvResult<KvVersion>>(
                    Send(node, attempt.Name, attempt.Value, attempt.Options)));
                GetResult after = node.Get(attempt.Name).Value;
                bool isPut = result.IsOk && attempt.Value is not null;
                if (isPut && before.Found && Text(before) == attempt.Value)
                {
                    string what = $"seed {seed} {sync} life {life}: {attempt.Name} was written twice";
                    Assert.True(result.Value == before.Version, what);
                }

                if (isPut && after.Version == result.Value) Assert.Equal(attempt.Value, Text(after));

                attempt.Key.Settle(after.Found ? Text(after) : null, after.Version);
            }

            _unknown.Clear();
        }

        private static string Text(GetResult got) => System.Text.Encoding.UTF8.GetString(got.Value.Span);
    }

    private sealed class KeyHistory
    {
        public (string? Value, KvVersion Version) Acked { get; private set; }

        /// <summary>Attempts behind the last acknowledged one whose outcome nobody knows.</summary>
        public List<Attempt> Unknown { get; } = [];

        public void Note(Attempt attempt)
        {
            KvResult<KvVersion> result = attempt.Task.Result;
            if (result.IsOk) Acked = (attempt.Value, result.Value);
            else Assert.Equal(KvCode.VersionMismatch, result.Error!.Code);
        }

        public void Settle(string? value, KvVersion version)
        {
            Acked = (value, version);
            Unknown.Clear();
        }
    }

    private sealed record Attempt(
        string Name, KeyHistory Key, string? Value, PutOptions Options, Task<KvResult<KvVersion>> Task);
}
