using System.Globalization;
using System.Text;
using Nori.Core;
using NoriKV.Node.Ports;
using NoriKV.Types;
using static NoriKV.Node.Tests.SteppedNode;

namespace NoriKV.Node.Tests.Replication;

/// <summary>
/// Three nodes under load while power fails, nodes are cut off, disks stand still, frames get lost and time passes. Then the
/// weather clears: what was acknowledged is there, replicas are equal, and no version went back.
/// </summary>
public sealed class ClusterChaosTests
{
    private const int Nodes = 3;
    private const int Keys = 8;

    [Fact]
    public void Nothing_acknowledged_is_lost()
    {
        for (ulong seed = 1; seed <= 12; seed++) new Run(seed).Go();
    }

    [Fact]
    [Trait("Category", "Slow")]
    public void Nothing_acknowledged_is_lost_over_many_seeds()
    {
        string range = Environment.GetEnvironmentVariable("NORI_NODE_SEEDS") ?? "1000+150";
        ulong[] parts = [.. range.Split('+').Select(s => ulong.Parse(s, CultureInfo.InvariantCulture))];
        for (ulong seed = parts[0]; seed < parts[0] + parts[1]; seed++) new Run(seed).Go();
    }

    private sealed class Run
    {
        private readonly ulong _seed;
        private readonly Prng _random;
        private readonly SteppedCluster _cluster;
        private readonly KeyState[] _keys = [.. Enumerable.Range(0, Keys).Select(i => new KeyState($"k{i}"))];
        private int _next;

        public Run(ulong seed)
        {
            _seed = seed;
            _random = new Prng(seed);
            _cluster = new SteppedCluster(Nodes, 1 + (int)(seed % 3), Configure, seed);
        }

        public void Go()
        {
            try
            {
                for (int i = 0; i < 400; i++) Step();
                Clear();
            }
            catch (Exception e) when (e is not Xunit.Sdk.XunitException || !e.Message.Contains("seed", StringComparison.Ordinal))
            {
                throw new InvalidOperationException($"seed {_seed} (NORI_NODE_SEEDS={_seed}+1): {e.Message}", e);
            }
        }

        private NodeOptions Configure(NodeOptions options) => options with
        {
            MemtableBytes = 16 << 10,
            LogSegmentBytes = 64 << 10,
        };

        private void Step()
        {
            switch (_random.NextInt(100))
            {
                case < 55: Write(); break;
                case < 75: Pass(_random.NextInt(1, 40)); break;
                case < 85: Pass(_random.NextInt(100, 700)); break;
                case < 88: Cut(); break;
                case < 91: _cluster.Network.Heal(); break;
                case < 93: Freeze(); break;
                case < 95: _cluster.Frozen.Clear(); break;
                case < 97: Crash(); break;
                case < 98: SnapshotSomewhere(); break;
                default: StartAll(); break;
            }

            foreach (KeyState key in _keys) key.Note(_seed);
        }

        private void Write()
        {
            KeyState key = _keys[_random.NextInt(Keys)];
            if (key.Pending is not null) return;
            int node = _random.Chance(0.7) ? _cluster.LeaderOf(0) : _random.NextInt(Nodes);
            if (node < 0 || _cluster.Nodes[node] is null) return;
            key.Attempted = ++_next;
            string value = $"{_next}:" + new string('x', _random.NextInt(400));
            key.Pending = _cluster.Nodes[node]!.PutAsync(
                Bytes(key.Name), Bytes(value), new PutOptions(), _cluster.Context(_random.NextInt(200, 3000))).AsTask();
            key.Node = node;
            if (_random.Chance(0.5)) _cluster.Settle();
        }

        private void Pass(int ms)
        {
            _cluster.Time.AdvanceMs(ms % 10);
            _cluster.Run(ms);
        }

        private void Cut()
        {
            int a = _random.NextInt(1, Nodes + 1);
            switch (_random.NextInt(3))
            {
                case 0:
                    _cluster.Network.Isolate((ulong)a);
                    break;
                case 1:
                    // One way only: it is heard and hears nothing.
                    _cluster.Network.Loses = (_, to) => to.Value == (ulong)a;
                    break;
                default:
                    _cluster.Network.Loses = (_, _) => _random.Chance(0.2);
                    break;
            }
        }

        private void Freeze()
        {
            string[] steps = ["log", "log", "raft-0", "apply-0", "engine", "tick", "snapshot"];
            _cluster.Frozen.Add((_random.NextInt(Nodes), steps[_random.NextInt(steps.Length)]));
        }

        private void Crash()
        {
            int node = _random.NextInt(Nodes);
            if (_random.Chance(0.15))
            {
                for (int i = 0; i < Nodes; i++) CrashOne(i);
                StartAll();
                return;
            }

            CrashOne(node);
        }

        private void CrashOne(int node)
        {
            if (_cluster.Nodes[node] is null) return;
            _cluster.Crash(node, _random.NextUInt64());
            foreach (KeyState key in _keys)
            {
                if (key.Node == node) key.Pending = null;
            }
        }

        private void SnapshotSomewhere()
        {
            int node = _random.NextInt(Nodes);
            if (_cluster.Nodes[node] is { } at) _ = at.SnapshotShardAsync(new ShardId(0), Context).AsTask();
        }

        private void StartAll()
        {
            for (int i = 0; i < Nodes; i++)
            {
                if (_cluster.Nodes[i] is null) _cluster.Start(i);
            }
        }

        private void Clear()
        {
            _cluster.Network.Heal();
            _cluster.Frozen.Clear();
            StartAll();
            _cluster.AwaitLeaders();
            _cluster.RunUntil(() => _keys.All(k => k.Pending is null or { IsCompleted: true }), "all writes are answered");
            foreach (KeyState key in _keys) key.Note(_seed);
            foreach (KeyState key in _keys)
            {
                KvResult<PutResult> after = _cluster.Put(key.Name + "'", "after");
                Assert.True(after.IsOk, $"seed {_seed}: {after.Error?.Message}");
            }
            _cluster.Run(3000);
            foreach (NoriNode? node in _cluster.Nodes) Assert.True(node!.NotReadyReason is null, $"seed {_seed}: {node.NotReadyReason}");
            foreach (KeyState key in _keys)
            {
                for (int node = 0; node < Nodes; node++) Check(key, node);
            }

            ClusterReplicationTests.AssertEqualReplicas(_cluster);
        }

        private void Check(KeyState key, int node)
        {
            GetResult found = _cluster.Get(node, key.Name).Value;
            int value = found.Found ? int.Parse(Encoding.UTF8.GetString(found.Value.Span).Split(':')[0], CultureInfo.InvariantCulture) : 0;
            string what = $"seed {_seed} (NORI_NODE_SEEDS={_seed}+1), {key.Name} at n{node + 1}: {value}, acknowledged {key.Acked}";
            Assert.True(value >= key.Acked && value <= key.Attempted, what);
            if (value == key.Acked) Assert.True(key.Acked == 0 || found.Version == key.Version, what);
            else Assert.True(found.Version.CompareTo(key.Version) > 0, what);
        }
    }

    private sealed class KeyState(string name)
    {
        public string Name { get; } = name;

        public Task<KvResult<PutResult>>? Pending { get; set; }

        public int Node { get; set; }

        public int Attempted { get; set; }

        public int Acked { get; private set; }

        public KvVersion Version { get; private set; }

        public void Note(ulong seed)
        {
            if (Pending is not { IsCompleted: true } done) return;
            Pending = null;
            KvResult<PutResult> result = done.GetAwaiter().GetResult();
            if (!result.TryGet(out PutResult put, out _)) return;
            Assert.True(put.Version.CompareTo(Version) > 0, $"seed {seed}: {Name} went back to {put.Version}");
            (Acked, Version) = (Attempted, put.Version);
        }
    }
}
