using Nori.IO;
using NoriKV.Node.Machine;
using NoriKV.Types;
using static NoriKV.Node.Tests.SteppedNode;

namespace NoriKV.Node.Tests.Replication;

/// <summary>
/// A loss of power at every single change of the file system while a replica arrives, learns, is flushed, goes, and another
/// one of the same shard arrives: afterwards the node starts, what was removed stays away, and the next replica holds exactly
/// what its leader holds.
/// </summary>
public sealed class ArrivalCrashTests
{
    private static readonly ShardId Shard = new(0);

    [Theory]
    [InlineData(CrashMode.PowerLoss)]
    [InlineData(CrashMode.DropUnsynced)]
    public void A_crash_anywhere_between_arriving_and_leaving_leaves_all_or_nothing(CrashMode mode)
    {
        int calls = 0, here = 0, gone = 0;
        for (int call = 0; ; call++)
        {
            var run = new Run(call, mode);
            if (!run.Go()) break;
            calls++;
            if (run.WasHere) here++;
            if (run.WasRemoved) gone++;
        }

        Assert.True(calls > 20 && here > 3 && gone > 3, $"{calls} calls, {here} here, {gone} removed: too few to mean anything");
    }

    private sealed class Run(int call, CrashMode mode)
    {
        private SteppedCluster _cluster = null!;
        private MemoryFileSystem? _crashed;
        private bool _isRemoved;

        public bool WasHere { get; private set; }

        public bool WasRemoved { get; private set; }

        public bool Go()
        {
            _cluster = new SteppedCluster(nodes: 2, shards: 1, seed: 100 + (ulong)call, configure: static o => o with
            {
                Plan = o.Plan! with { Replicas = static s => [new(new ReplicaId(s.Value + 1), new(1), false)] },
            });
            _cluster.RunUntil(() => _cluster.Status(0, 0).IsLeader, "the lone voter leads");
            for (int i = 0; i < 12; i++) Assert.True(_cluster.Await(_cluster.BeginPut(0, $"k{i}", "old")).IsOk);
            _cluster.Files[1].Add(new FaultRule
            {
                Operation = FileOperation.Mutations,
                AfterCalls = call,
                Times = 1,
                Errno = 0,
                Action = _ => PowerFails(),
            });
            Live();
            if (_crashed is null) return false;
            WasRemoved = _isRemoved;
            Restart();
            return true;
        }

        private void PowerFails()
        {
            if (_crashed is not null) return;
            _crashed = _cluster.Disks[1].Crash((ulong)call, mode);
            // What it says from now on nobody hears.
            _cluster.Network.Loses = static (from, _) => from.Value == 2;
        }

        private void Live()
        {
            if (!Await(Add(100)) || !Change(100) || !CatchUp()) return;
            Flush();
            _cluster.Await(_cluster.BeginPut(0, "k0", "new"));
            if (_crashed is not null || !Change(null)) return;
            _cluster.Run(50);
            if (!Await(Remove(100))) return;
            _isRemoved = _crashed is null;
            for (int i = 1; i < 6; i++) _cluster.Await(_cluster.BeginPut(0, $"k{i}", "new"));
            Flush();
            if (_crashed is not null || !Await(Add(101)) || !Change(101) || !CatchUp()) return;
            Flush();
        }

        private void Restart()
        {
            string what = $"call {call}, {mode}";
            _cluster.Network.Close(_cluster.Numbers[1]);
            _cluster.Network.Heal();
            _cluster.Nodes[1] = null;
            _cluster.Disks[1] = _crashed!;
            _cluster.Files[1] = new FaultInjectingFileSystem(_crashed!);
            _cluster.Run(100);
            _cluster.Start(1);
            ReplicaId replica = _cluster.Nodes[1]!.Parts.Replicas[Shard]?.State.Replica ?? default;
            WasHere = replica.Value == 100;
            Assert.False(WasHere && _isRemoved, $"{what}: it was removed, and is back");
            if (_isRemoved)
            {
                KvError? again = _cluster.Await(Add(100));
                Assert.True(again?.Code == KvCode.FailedPrecondition, $"{what}: it may come back: {again?.Message}");
            }

            // Whatever is here: a new one learns everything, and nothing of an old one is left in it.
            if (replica.Value != 0)
            {
                Change(null);
                _cluster.Run(100);
                Assert.Null(_cluster.Await(Remove(replica.Value)));
            }

            Assert.Null(_cluster.Await(Add(200)));
            Assert.True(Change(200));
            Assert.True(CatchUp(), what);
            Assert.Equal(_cluster.Dump(0, 0), _cluster.Dump(1, 0));
        }

        private bool Await(Task<KvError?> change) => _cluster.Await(change) is null && _crashed is null;

        private Task<KvError?> Add(ulong replica) =>
            _cluster.Nodes[1]!.Log.AddReplicaAsync(Shard, new ReplicaId(replica), long.MaxValue).AsTask();

        private Task<KvError?> Remove(ulong replica) =>
            _cluster.Nodes[1]!.Log.RemoveReplicaAsync(Shard, new ReplicaId(replica), long.MaxValue).AsTask();

        private bool CatchUp()
        {
            _cluster.RunUntil(
                () => CrashedOrEqual(), $"call {call}, {mode}: the learner has all");
            return _crashed is null || _cluster.Nodes[1] is not null;

            bool CrashedOrEqual() => (_crashed is not null && !ReferenceEquals(_cluster.Disks[1], _crashed))
                || _cluster.Status(1, 0).Applied == _cluster.Status(0, 0).Last;
        }

        private void Flush()
        {
            IReadOnlyList<NodeStep> steps = _cluster.Nodes[1]!.Steps;
            ValueTask flush = _cluster.Nodes[1]!.Parts.Storage.FlushAsync(CancellationToken.None);
            for (int i = 0; i < 200 && !flush.IsCompleted; i++)
            {
                foreach (NodeStep step in steps) step.RunOnce();
            }
        }

        /// <summary>The leader's members: itself, and a learner or none.</summary>
        private bool Change(ulong? learner)
        {
            for (int attempt = 0; attempt < 100; attempt++)
            {
                NodeInspection at = _cluster.Nodes[0]!.Inspect(Shard);
                var members = new List<ConfigurationMember> { new(new ReplicaId(1), new NodeNumber(1)) };
                if (learner is { } id) members.Add(new(new ReplicaId(id), new NodeNumber(2), MemberRole.Learner));
                if (at.Configuration.Members.Count == members.Count
                    && (learner is null || at.Configuration.Learners.Any(l => l.Value == learner))) return true;
                _cluster.Await(_cluster.Nodes[0]!.Log.ChangeMembersAsync(
                    Shard, new LogIndex(at.ConfigurationIndex), members, long.MaxValue).AsTask());
                _cluster.Run(20);
            }

            return false;
        }
    }
}
