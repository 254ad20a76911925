using Nori.Core;
using Nori.IO;
using Nori.Wal;
using NoriKV.Node.Machine;
using NoriKV.Node.Replication;
using NoriKV.Types;
using static NoriKV.Node.Tests.SteppedNode;

namespace NoriKV.Node.Tests;

/// <summary>
/// Flush ahead of the log (protocol.md §2): a table enters the manifest only when the log is durable through what it
/// holds. With the policy os the log lags behind the engine, so without the gate a loss of power leaves the engine ahead.
/// </summary>
public sealed class FlushGateTests
{
    [Fact]
    public void The_engine_is_never_ahead_of_the_log_after_a_loss_of_power()
    {
        int flushes = 0;
        for (ulong seed = 1; seed <= 60; seed++)
        {
            var random = new Prng(seed);
            var files = new MemoryFileSystem(seed);
            var counting = new FaultInjectingFileSystem(files);
            var time = new ManualTime();
            SteppedNode node = Open(counting, time, seed);
            MemoryFileSystem? crashed = null;
            counting.Add(new FaultRule
            {
                Operation = FileOperation.Mutations,
                AfterCalls = random.NextInt(20, 400),
                Errno = 0,
                Action = _ => crashed ??= files.Crash(seed),
            });
            for (int i = 0; i < 200 && crashed is null; i++) node.Put($"k{i % 20}", new string('v', 200));
            flushes += files.List($"{Data}/engine").Count(f => f.EndsWith(".sst", StringComparison.Ordinal));
            crashed ??= files.Crash(seed);

            // Opening checks applied against the log and throws when the engine is ahead.
            node = Open(crashed, time, seed);
            Assert.True(node.Put("k", "v").IsOk, $"seed {seed}");
            node.Stop();
        }

        Assert.True(flushes > 20, $"only {flushes} tables were flushed: the test tests nothing");
    }

    [Fact]
    public void Expired_keys_are_dropped_by_the_shard_time_that_tables_hold_and_no_later_one()
    {
        var gate = new FlushGate();
        var state = new ShardState(new ShardId(0), new ReplicaId(1), slot: 1, retentionMs: 1000);
        var replicas = new ReplicaTable([new ShardMachine(state, new MachineOptions())]);
        gate.Attach(replicas);
        byte[] key = EngineKey.Create(1, EngineKeyKind.User, "k"u8);
        state.ShardTime = 500;
        replicas.Publish(state);
        Assert.Equal(0, gate.ExpiryCutoff(key));
        gate.OnMemtableSealed(1);
        state.ShardTime = 900;
        replicas.Publish(state);

        // A crash now goes back to before all of it, and the entries that are applied again are judged by their stamps.
        Assert.Equal(0, gate.ExpiryCutoff(key));
        gate.OnFlushed(1);
        Assert.Equal(500, gate.ExpiryCutoff(key));
    }

    [Fact]
    public void A_memtable_that_is_flushed_when_its_replica_is_gone_says_nothing_of_the_next_one()
    {
        var gate = new FlushGate();
        var state = new ShardState(new ShardId(0), new ReplicaId(1), slot: 1, retentionMs: 1000);
        var replicas = new ReplicaTable([new ShardMachine(state, new MachineOptions())]);
        gate.Attach(replicas);
        (state.Applied, state.AppliedTerm) = (new LogIndex(100), new Term(3));
        replicas.Publish(state);
        gate.OnMemtableSealed(1);
        gate.Remove(replicas, new ShardId(0));
        gate.OnFlushed(1);

        // The log would forget the first hundred entries of whoever lives here next.
        Assert.Equal((default, default), gate.Flushed(new ShardId(0)));
    }

    [Fact]
    public void A_table_waits_for_the_log_and_asks_for_a_sync()
    {
        bool asked = false;
        var gate = new FlushGate { SyncWanted = () => asked = true };
        gate.NoteDurable(10);
        Assert.True(gate.MayInstall(1, 10));
        Assert.False(asked);
        Assert.False(gate.MayInstall(1, 11));
        Assert.True(asked);
        Assert.True(gate.NoteDurable(11), "the one that waits is told");
        Assert.True(gate.MayInstall(1, 11));
        Assert.False(gate.NoteDurable(12), "nobody waits any more");
    }

    [Fact]
    public void With_the_policy_os_answers_say_so_and_the_node_warns()
    {
        var files = new FaultInjectingFileSystem(new MemoryFileSystem(1));
        SteppedNode node = Open(files, new ManualTime(), 1);
        Assert.Contains(node.Node.Warnings, w => w.StartsWith("sync=os", StringComparison.Ordinal));
        long syncs = files.Calls(FileOperation.Sync);
        Assert.Equal("os", node.Put("k", "v").Value.Meta.Durability);
        Assert.Equal(syncs, files.Calls(FileOperation.Sync));
        node.Time.Advance(TimeSpan.FromSeconds(2));
        node.RunUntilIdle();
        Assert.True(files.Calls(FileOperation.Sync) > syncs, "the maintenance of each second syncs");
        node.Stop();
    }

    [Fact]
    public void With_the_policy_os_terms_are_synced_all_the_same()
    {
        var files = new MemoryFileSystem(1);
        SteppedNode node = Open(files, new ManualTime(), 1);
        KvVersion first = node.Put("k", "v").Value.Version;
        SteppedNode again = Open(files.Crash(5), new ManualTime(), 1);
        Assert.True(again.Put("k", "w").Value.Version.Term > first.Term);
        again.Stop();
    }

    private static SteppedNode Open(IFileSystem files, ManualTime time, ulong seed) => Start(files, time, o => o with
    {
        Sync = SyncPolicy.Os,
        TotalShards = 4,
        MemtableBytes = 4096,
        LogSegmentBytes = 64 << 10,
        Seed = seed,
    });
}
