using NoriKV.Node.Ports;
using NoriKV.Types;

namespace NoriKV.Node.Tests.Replication;

/// <summary>The log is collected only when every worker has said how far its groups let go: no core names what is forgotten.</summary>
public sealed class ReleaseTests
{
    private readonly SteppedNode _node = SteppedNode.Start(configure: static o => o with
    {
        RaftWorkers = 2, TotalShards = 8, LogSegmentBytes = 32 << 10, MemtableBytes = 16 << 10, LogEarlyFlushSegments = 2,
    });

    private int Segments => _node.Files.List($"{SteppedNode.Data}/log").Count(static n => n.EndsWith(".wal", StringComparison.Ordinal));

    private void Run(int ms, string? without = null)
    {
        for (int passed = 0; passed < ms; passed += 50)
        {
            _node.Time.AdvanceMs(50);
            for (int i = 0; i < 50; i++)
            {
                foreach (NodeStep step in _node.Node.Steps)
                {
                    if (step.Name != without) step.RunOnce();
                }
            }
        }
    }

    private void Write(int count)
    {
        for (int i = 0; i < count; i++) Assert.True(_node.Put($"k{i % 50}", new string('v', 900)).IsOk);
    }

    [Fact]
    public void One_worker_that_does_not_answer_holds_all_segments()
    {
        Write(100);
        Run(5000);
        int few = Segments;
        Run(3000, without: "raft-1");
        // What is asked for while the worker stands still waits for it, asked once or ten times.
        for (int i = 0; i < 20; i++)
        {
            foreach (uint shard in new uint[] { 0, 2, 4, 6 }) Begin(shard, i);
            Run(100, without: "raft-1");
        }

        int held = Segments;
        Assert.True(held > few + 3, $"{few} segments, then {held}");
        Run(3000, without: "raft-1");
        Assert.Equal(held, Segments);

        // It answers: the handshake ends, and another one begins and ends.
        Run(5000);
        Assert.True(Segments < held - 2, $"{held} segments, then {Segments}");
        Write(200);
        Run(5000);
        Assert.True(Segments <= few + 3, $"{few} segments at first, {Segments} now");
        foreach (uint shard in Enumerable.Range(0, 8).Select(static s => (uint)s))
        {
            ReplicaStatus status = ((IReplicatedLog)_node.Node.Log).Status(new ShardId(shard));
            Assert.Equal(status.Commit, status.Applied);
        }
    }

    // Writes to one shard, as many as its worker takes without the other one.
    private void Begin(uint shard, int round)
    {
        for (int i = 0; i < 400; i++)
        {
            byte[] key = SteppedNode.Bytes($"s{i}");
            if (_node.Node.ShardOf(key).Value != shard) continue;
            byte[] value = SteppedNode.Bytes(new string((char)('a' + (round % 26)), 3000));
            _ = _node.Node.PutAsync(key, value, new PutOptions(), SteppedNode.Context).AsTask();
            return;
        }
    }
}
