using Nori.Compression;
using Nori.Core;
using Nori.IO;
using NoriKV.Node.Replication;
using NoriKV.Node.Snapshots;
using NoriKV.Types;
using static NoriKV.Node.Tests.Snapshots.SnapshotPair;

namespace NoriKV.Node.Tests.Snapshots;

/// <summary>
/// A loss of power at every single change of the file system while a snapshot is received, installed and the old slot
/// removed: afterwards the replica is the old one or the new one, whole; the new one once an answer could have left; and
/// nothing is left over.
/// </summary>
public sealed class SnapshotCrashTests
{
    [Theory]
    [InlineData(CrashMode.PowerLoss)]
    [InlineData(CrashMode.DropUnsynced)]
    public async Task A_crash_anywhere_in_an_install_leaves_the_old_state_or_the_new_one(CrashMode mode)
    {
        int old = 0, @new = 0, calls = 0;
        for (int call = 0; ; call++, calls++)
        {
            var run = new Run(call, mode, seed: 100 + (ulong)call);
            bool crashed = await run.GoAsync();
            if (!crashed) break;
            old += run.IsOld ? 1 : 0;
            @new += run.IsOld ? 0 : 1;
        }

        Assert.True(calls > 40 && old > 10 && @new > 5, $"{calls} calls, {old} old, {@new} new: too few to mean anything");
    }

    [Fact]
    public async Task A_second_crash_while_the_first_is_recovered_from_changes_nothing()
    {
        for (int call = 0; call < 400; call += 7)
        {
            var run = new Run(call, CrashMode.PowerLoss, seed: 7000 + (ulong)call);
            if (!await run.GoAsync(twice: true)) break;
        }
    }

    private sealed class Run(int call, CrashMode mode, ulong seed)
    {
        private readonly ManualTime _time = new();
        private string _oldDump = "";
        private string _newDump = "";
        private bool _answered;
        private LogIndex _index;

        public bool IsOld { get; private set; }

        public async Task<bool> GoAsync(bool twice = false)
        {
            var files = new MemoryFileSystem(seed);
            var faulty = new FaultInjectingFileSystem(files);
            MemoryFileSystem? crashed = null;
            await using (var pair = new SnapshotPair(seed, takerFiles: faulty, options: new SnapshotOptions
            {
                ChunkBytes = 4096,
                WindowBytes = 32 << 10,
                TableBytes = 2048,
                Compression = CompressionType.None,
            }))
            {
                Prepare(pair);
                faulty.Add(new FaultRule
                {
                    Operation = FileOperation.Mutations,
                    AfterCalls = call,
                    Times = 1,
                    Errno = 0,
                    Action = _ => crashed ??= files.Crash(seed, mode),
                });
                pair.Taker.Answered = () => _answered |= crashed is null;
                StagedTables staged = pair.Transfer();
                pair.Taker.Install(staged);
                pair.Taker.Flush();
            }

            if (crashed is null) return false;
            if (twice) crashed = await CrashAgain(crashed);
            await CheckAsync(crashed);
            return true;
        }

        private void Prepare(SnapshotPair pair)
        {
            var random = new Prng(seed);
            List<byte[]> log = RandomLog(random, 90);
            for (int i = 0; i < log.Count; i++)
            {
                pair.Giver.Apply(log[i], term: i < 30 ? 1u : 5u);
                if (i < 30) pair.Taker.Apply(log[i]);
                if (i == 15) pair.Taker.Flush();
            }

            // What the replica has behind its commit is of a term that lost, and reaches beyond the snapshot.
            for (ulong i = 31; i < 120; i++) pair.Taker.AppendOnly(Entry(1, null, Put("lost", "lost")), i, 2);
            _oldDump = pair.Taker.Dump();
            _newDump = pair.Giver.Dump();
            _index = pair.Giver.State().Applied;
        }

        private async Task<MemoryFileSystem> CrashAgain(MemoryFileSystem first)
        {
            var faulty = new FaultInjectingFileSystem(first);
            MemoryFileSystem? second = null;
            faulty.Add(new FaultRule
            {
                Operation = FileOperation.Mutations,
                AfterCalls = call % 23,
                Times = 1,
                Errno = 0,
                Action = _ => second ??= first.Crash(seed + 1, mode),
            });
            await using var peer = new SnapshotPeer(faulty, 2, _time);
            return second ?? first.Crash(seed + 1, mode);
        }

        private async Task CheckAsync(MemoryFileSystem files)
        {
            string what = $"call {call}, {mode}, seed {seed}";
            await using var peer = new SnapshotPeer(files, 2, _time);
            string dump = peer.Dump();
            IsOld = dump == _oldDump;
            Assert.True(IsOld || dump == _newDump, $"{what}: neither the old state nor the new one");
            Assert.False(IsOld && _answered, $"{what}: an answer had left");
            Assert.True(peer.Slots().Count <= 1, $"{what}: slots {string.Join(' ', peer.Slots())}");
            Assert.Empty(peer.StagingFiles());
            int tables = files.List($"{SnapshotPeer.Data}/engine").Count(f => f.EndsWith(".sst", StringComparison.Ordinal));
            Assert.Equal(peer.Storage.Engine.Stats.Levels.Sum(static l => l.Tables), tables);
            PeerLogGroup group = peer.Log.Group(new ShardId(0));
            if (IsOld)
            {
                Assert.Equal(new LogIndex(119), group.Last);
                return;
            }

            Assert.True(group.Last == _index && group.First == _index.Next, $"{what}: the log is {group}");
            Assert.True(group.HardTerm.Value >= 5, $"{what}: the term of the snapshot was forgotten: {group}");
            Assert.True(peer.Log.TryGetTerm(new ShardId(0), _index, out Term term) && term == new Term(5), what);

            // A slot is never used twice: the next snapshot lies elsewhere.
            await CheckNextSlot(peer, what);
        }

        private static async Task CheckNextSlot(SnapshotPeer peer, string what)
        {
            uint used = peer.State().Slot;
            var reserve = new SlotReserve(new NodeSlots(peer.Storage), peer.Storage);
            uint slot;
            for (int i = 0; !reserve.TryTake(out slot); i++)
            {
                Assert.True(i < 1000, what);
                reserve.RunOnce();
                peer.Storage.RunOnce();
            }

            Assert.True(slot > used, $"{what}: slot {slot} again, {used} lives");
            await Task.CompletedTask;
        }
    }
}
