using System.Globalization;
using System.Text;
using Nori.Core;
using Nori.IO;
using NoriKV.TestKit.Linearizability;
using NoriKV.Types;
using static NoriKV.Node.Tests.SteppedNode;
using Operation = NoriKV.TestKit.Linearizability.Operation;
using OperationKind = NoriKV.TestKit.Linearizability.OperationKind;

namespace NoriKV.Node.Tests;

/// <summary>
/// Many callers on few keys with the node's own threads, small memtables and segments, and losses of power under the
/// load: the whole history, over all lives, must be one that a single store could have given.
/// NORI_STRESS_SEEDS runs more seeds, NORI_STRESS_SEED begins elsewhere.
/// </summary>
public sealed class LinearizabilityTests
{
    private const int Callers = 8;
    private const int CallsPerLife = 60;
    private const int Lives = 3;
    private const int Keys = 3;

    [Theory]
    [InlineData(CrashMode.DropUnsynced)]
    [InlineData(CrashMode.PowerLossGarbage)]
    [InlineData(CrashMode.ProcessOnly)]
    public async Task Histories_over_crashes_are_linearizable(CrashMode mode)
    {
        ulong first = Number("NORI_STRESS_SEED", 1);
        for (ulong seed = first; seed < first + Number("NORI_STRESS_SEEDS", 4); seed++)
            await new Run(seed, mode).GoAsync();
    }

    private static ulong Number(string variable, ulong otherwise) =>
        Environment.GetEnvironmentVariable(variable) is { Length: > 0 } text
            ? ulong.Parse(text, CultureInfo.InvariantCulture) : otherwise;

    private sealed class Run(ulong seed, CrashMode mode)
    {
        private readonly Prng _random = new(seed);
        private readonly List<Operation> _history = [];
        private readonly Lock _lock = new();
        private long _clock;
        private int _values;
        private int _clients;

        public async Task GoAsync()
        {
            var files = new MemoryFileSystem(seed);
            for (int life = 0; life < Lives; life++)
            {
                NoriNode node = await NoriNode.StartAsync(OptionsOf(files));
                int crashAfter = _random.NextInt(CallsPerLife * Callers / 4, CallsPerLife * Callers);
                MemoryFileSystem? crashed = null;
                int done = 0;
                ulong crashSeed = _random.NextUInt64();
                Task[] callers = [.. Enumerable.Range(0, Callers).Select(_ =>
                {
                    var caller = new Caller(this, node, new Prng(_random.NextUInt64()));
                    return Task.Run(async () =>
                    {
                        for (int i = 0; i < CallsPerLife && Volatile.Read(ref crashed) is null; i++)
                        {
                            await caller.CallAsync(() => Volatile.Read(ref crashed) is not null);
                            if (Interlocked.Increment(ref done) != crashAfter) continue;
                            // What is answered behind this line may be gone, so it is not believed; see Record.
                            lock (_lock) Volatile.Write(ref crashed, files.Crash(crashSeed, mode));
                        }
                    });
                })];
                await Task.WhenAll(callers);
                await node.StopAsync(TimeSpan.FromSeconds(5));
                files = crashed ?? files;
            }

            NoriNode last = await NoriNode.StartAsync(OptionsOf(files));
            var reader = new Caller(this, last, new Prng(1));
            for (int key = 0; key < Keys; key++) await reader.ReadAsync($"k{key}", () => false);
            await last.StopAsync(TimeSpan.FromSeconds(5));
            Verdict verdict = LinearizabilityChecker.Check(_history);
            Assert.True(
                verdict.IsLinearizable,
                $"NORI_STRESS_SEED={seed} NORI_STRESS_SEEDS=1 ({mode}):\n"
                + (verdict.IsLinearizable ? "" : ContradictionPicture.ToText(verdict.Contradiction!)));
        }

        private static NodeOptions OptionsOf(IFileSystem files) => new()
        {
            NodeName = "n1",
            DataDirectory = Data,
            FileSystem = files,
            TotalShards = 2,
            ApplyWorkers = 2,
            MemtableBytes = 16 << 10,
            LogSegmentBytes = 64 << 10,
            BlockCacheBytes = 1 << 20,
            DiskReserveBytes = 0,
            ConfigureEngine = o => o with { L0CompactionTrigger = 2, TargetFileBytes = 4 << 10 },
        };

        private long Now() => Interlocked.Increment(ref _clock);

        /// <summary>Of a call that was open when the disk was copied nobody can say whether it is on the copy.</summary>
        private void Record(Operation operation, bool known, Func<bool> crashed)
        {
            lock (_lock)
            {
                known &= !crashed();
                if (!known && operation.Kind == OperationKind.Read) return;
                _history.Add(operation with { Returned = known ? Now() : Operation.Unknown });
            }
        }

        private sealed class Caller(Run run, NoriNode node, Prng random)
        {
            private readonly int _client = Interlocked.Increment(ref run._clients);
            private readonly Dictionary<string, (string Value, KvVersion Version)> _seen = [];

            public async Task CallAsync(Func<bool> crashed)
            {
                string key = $"k{random.NextInt(Keys)}";
                switch (random.NextInt(10))
                {
                    case < 4: await ReadAsync(key, crashed); break;
                    case < 6: await WriteAsync(key, crashed); break;
                    case < 7: await DeleteAsync(key, crashed); break;
                    default: await CompareAndSetAsync(key, crashed); break;
                }
            }

            public async Task ReadAsync(string key, Func<bool> crashed)
            {
                var call = new Operation(_client, run.Now(), 0, key, OperationKind.Read);
                KvResult<GetResult> got = await node.GetAsync(Bytes(key), ReadOptions.Default, Context);
                string? value = got.IsOk && got.Value.Found ? Encoding.UTF8.GetString(got.Value.Value.Span) : null;
                if (value is not null) _seen[key] = (value, got.Value.Version);
                run.Record(call with { Result = value }, got.IsOk, crashed);
            }

            private async Task WriteAsync(string key, Func<bool> crashed)
            {
                string value = NextValue();
                var call = new Operation(_client, run.Now(), 0, key, OperationKind.Write, value);
                KvResult<PutResult> put;
                if (random.Chance(0.5))
                {
                    put = await node.PutAsync(Bytes(key), Bytes(value), new PutOptions(), Context);
                }
                else
                {
                    // Beside another key, which gives the engine something to flush.
                    BatchOperation[] batch =
                    [
                        BatchOperation.Put(Bytes(key), Bytes(value)),
                        BatchOperation.Put(Bytes($"filler{random.NextInt(50)}"), new byte[500]),
                    ];
                    KvResult<IReadOnlyList<BatchOperationResult>> results = await node.BatchAsync(batch, new BatchOptions(), Context);
                    put = !results.IsOk ? results.Error!
                        : results.Value[0].Error is { } error ? error
                        : new PutResult(results.Value[0].Version, KvMeta.None);
                }

                if (put.IsOk) _seen[key] = (value, put.Value.Version);
                run.Record(call, put.IsOk, crashed);
            }

            private async Task DeleteAsync(string key, Func<bool> crashed)
            {
                var call = new Operation(_client, run.Now(), 0, key, OperationKind.Delete);
                KvResult<DeleteResult> deleted = await node.DeleteAsync(Bytes(key), new DeleteOptions(), Context);
                run.Record(call, deleted.IsOk, crashed);
            }

            private async Task CompareAndSetAsync(string key, Func<bool> crashed)
            {
                if (!_seen.TryGetValue(key, out (string Value, KvVersion Version) seen))
                {
                    await ReadAsync(key, crashed);
                    return;
                }

                string value = NextValue();
                var call = new Operation(
                    _client, run.Now(), 0, key, OperationKind.CompareAndSet, value, Expected: seen.Value);
                // Every call twice with one id, at once: it must take effect once, and both get the same answer.
                var options = new PutOptions { IfMatch = seen.Version, IdempotencyKey = $"cas-{value}" };
                Task<KvResult<PutResult>>[] twins = [.. Enumerable.Range(0, 2).Select(
                    _ => node.PutAsync(Bytes(key), Bytes(value), options, Context).AsTask())];
                KvResult<PutResult>[] puts = await Task.WhenAll(twins);
                bool known = puts.All(p => p.IsOk || p.Error!.Code == KvCode.VersionMismatch);
                if (known) Assert.Equal(puts[0].IsOk, puts[1].IsOk);
                if (known && puts[0].IsOk)
                {
                    Assert.Equal(puts[0].Value.Version, puts[1].Value.Version);
                    _seen[key] = (value, puts[0].Value.Version);
                }

                run.Record(call with { Succeeded = puts[0].IsOk }, known, crashed);
            }

            private string NextValue() => Interlocked.Increment(ref run._values).ToString(CultureInfo.InvariantCulture);
        }
    }
}
