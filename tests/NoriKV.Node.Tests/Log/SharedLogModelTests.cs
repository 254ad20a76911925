using System.Collections.Immutable;
using Nori.Core;
using Nori.IO;
using Nori.Wal;
using NoriKV.Node.Log;
using NoriKV.Types;

namespace NoriKV.Node.Tests.Log;

/// <summary>
/// Random batches and garbage collections against a dictionary of groups, with crashes of every kind.
/// </summary>
public class SharedLogModelTests
{
    /// <summary>
    /// What one shard should hold. Entries are never forgotten here, so that any prefix can be compared.
    /// </summary>
    private sealed record ModelGroup(
        ulong Replica,
        bool IsClean,
        ulong Prefix,
        ulong Last,
        ImmutableSortedDictionary<ulong, (ulong Term, byte[] Envelope)> Entries,
        HardState? HardState);

    private sealed class StopException : Exception;

    private sealed class Workload(IFileSystem files, ulong seed)
    {
        private const int Shards = 5;

        /// <summary>
        /// The state behind each batch since the last sync, oldest first: one of them must come back.
        /// </summary>
        public List<ImmutableSortedDictionary<uint, ModelGroup>> Candidates { get; } =
            [ImmutableSortedDictionary<uint, ModelGroup>.Empty];

        /// <summary>True when the crash came inside a collection, which may have truncated already.</summary>
        public bool IsCollecting { get; private set; }

        public void Run(int steps)
        {
            var prng = new Prng(seed);
            SharedLogOptions options = LogSupport.Options(files) with
            {
                Seed = seed, RecycledSegmentsMax = prng.NextInt(3), RepairBlocks = seed % 2 == 0,
            };
            SharedLog log = SharedLog.Open(options, out _);
            for (int i = 0; i < steps; i++)
            {
                if (prng.Chance(0.05))
                {
                    if (prng.Chance(0.5)) log.Close();
                    else log.Dispose();
                    log = SharedLog.Open(options, out _);
                    Forget();
                }

                if (prng.Chance(0.15)) Collect(log, prng);
                else Write(log, prng);
                if (!prng.Chance(0.3)) continue;
                log.Sync();
                Forget();
            }

            log.Dispose();
        }

        private void Forget() => Candidates.RemoveRange(0, Candidates.Count - 1);

        private void Collect(SharedLog log, Prng prng)
        {
            ulong keep = prng.NextUInt64();
            IsCollecting = true;
            log.CollectGarbage(
                prng.Chance(0.5) ? ulong.MaxValue : log.DurableWatermark,
                shard => new LogIndex((keep >> (int)(shard.Value * 8)) & 0xFF),
                prng.NextInt(1, 4));

            // It may have truncated: whatever prefix the log has now is right, as every entry is in the model.
            foreach ((uint shard, ModelGroup group) in Candidates[^1])
            {
                ulong prefix = log.GroupState(new ShardId(shard))!.Value.PrefixIndex.Value;
                Assert.True(prefix >= group.Prefix);
                Assert.True(prefix <= group.Last);
                Candidates[^1] = Candidates[^1].SetItem(shard, group with { Prefix = prefix });
            }

            IsCollecting = false;
        }

        private void Write(SharedLog log, Prng prng)
        {
            ImmutableSortedDictionary<uint, ModelGroup> model = Candidates[^1];
            using var batch = new SharedLogBatch();
            int groups = prng.NextInt(1, 4);
            HashSet<uint> touched = [];
            for (int i = 0; i < groups; i++)
            {
                uint shard = (uint)prng.NextInt(Shards);
                ModelGroup group = model.GetValueOrDefault(shard) ?? NewGroup(1);
                if (group.IsClean) group = NewGroup(group.Replica + 1);
                model = model.SetItem(shard, Change(batch, shard, group, !touched.Add(shard), prng));
            }

            // Before the write: a crash inside it may keep the batch or not.
            Candidates.Add(model);
            log.Write(batch);
        }

        private static ModelGroup NewGroup(ulong replica) => new(
            replica, false, 0, 0, ImmutableSortedDictionary<ulong, (ulong, byte[])>.Empty, null);

        private static ModelGroup Change(SharedLogBatch batch, uint shard, ModelGroup group, bool touched, Prng prng)
        {
            var id = new ShardId(shard);
            var replica = new ReplicaId(group.Replica);
            int dice = prng.NextInt(100);
            if (dice < 60 || group.Last == group.Prefix) return Append(batch, id, group, prng);
            if (dice < 85)
            {
                var state = new HardState(
                    new Term(prng.NextUInt32()), new ReplicaId(prng.NextUInt32()), new LogIndex(group.Last));
                batch.HardState(id, replica, state.Term, state.Vote, state.Commit);
                return group with { HardState = state };
            }

            if (dice < 96)
            {
                ulong index = group.Prefix + (ulong)prng.NextInt(1, (int)(group.Last - group.Prefix) + 1);
                if (dice == 95)
                {
                    // A snapshot: the entry at its index is the model's only to compare the term.
                    index += (ulong)prng.NextInt(20);
                    return Install(batch, id, group, index, prng);
                }

                if (touched) return group;
                batch.TruncatePrefix(id, replica, new LogIndex(index), new Term(group.Entries[index].Term));
                return group with { Prefix = index };
            }

            batch.Clean(id, replica);
            return NewGroup(group.Replica) with { IsClean = true };
        }

        private static ModelGroup Install(
            SharedLogBatch batch, ShardId id, ModelGroup group, ulong index, Prng prng)
        {
            ulong term = prng.NextUInt32();
            batch.InstallSnapshot(id, new ReplicaId(group.Replica), new LogIndex(index), new Term(term));
            return group with
            {
                Prefix = index,
                Last = index,
                Entries = ImmutableSortedDictionary<ulong, (ulong, byte[])>.Empty.Add(index, (term, [])),
            };
        }

        private static ModelGroup Append(SharedLogBatch batch, ShardId id, ModelGroup group, Prng prng)
        {
            ulong first = group.Last + 1;
            if (group.Last > group.Prefix && prng.Chance(0.2))
            {
                first = group.Prefix + (ulong)prng.NextInt(1, (int)(group.Last - group.Prefix) + 1);
            }

            ulong term = group.Entries.TryGetValue(group.Last, out (ulong Term, byte[] Envelope) last) ? last.Term : 1;
            if (first <= group.Last || prng.Chance(0.1)) term++;
            ImmutableSortedDictionary<ulong, (ulong, byte[])> entries = group.Entries;
            for (ulong i = first; i <= group.Last; i++) entries = entries.Remove(i);
            ulong next = first;
            for (int i = prng.NextInt(1, 6); i > 0; i--, next++)
            {
                byte[] envelope = new byte[prng.NextInt(400)];
                prng.Fill(envelope);
                batch.Append(id, new ReplicaId(group.Replica), new LogIndex(next), new Term(term), envelope);
                entries = entries.SetItem(next, (term, envelope));
            }

            return group with { Entries = entries, Last = next - 1 };
        }
    }

    private static string? Difference(
        SharedLog log, ImmutableSortedDictionary<uint, ModelGroup> model, bool isCollecting)
    {
        if (log.Groups.Count != model.Count) return $"{log.Groups.Count} groups instead of {model.Count}";
        foreach ((uint shard, ModelGroup group) in model)
        {
            if (log.GroupState(new ShardId(shard)) is not { } state) return $"shard {shard} is missing";
            if (state.Replica.Value != group.Replica) return $"shard {shard}: replica {state.Replica}";
            if (state.IsClean != group.IsClean) return $"shard {shard}: clean {state.IsClean}";
            if (state.HardState != group.HardState) return $"shard {shard}: {state.HardState}, not {group.HardState}";
            if (state.LastIndex.Value != group.Last) return $"shard {shard}: last {state.LastIndex}, not {group.Last}";
            ulong prefixMax = isCollecting ? group.Last : group.Prefix;
            if (state.PrefixIndex.Value > prefixMax) return $"shard {shard}: prefix {state.PrefixIndex} > {prefixMax}";
            if (state.PrefixIndex.Value > 0
                && group.Entries.TryGetValue(state.PrefixIndex.Value, out (ulong Term, byte[] Envelope) prefix)
                && prefix.Term != state.PrefixTerm.Value)
            {
                return $"shard {shard}: prefix term {state.PrefixTerm}";
            }

            for (LogIndex i = state.FirstIndex; i.Value <= group.Last; i = i.Next)
            {
                (ulong term, byte[] envelope) = group.Entries[i.Value];
                if (!log.TryReadEntry(new ShardId(shard), i, out LogEntry entry)) return $"shard {shard}: no entry {i}";
                if (entry.Term.Value != term) return $"shard {shard}: entry {i} of term {entry.Term}, not {term}";
                if (!entry.Envelope.Span.SequenceEqual(envelope)) return $"shard {shard}: entry {i} differs";
            }
        }

        return null;
    }

    private static void CheckAfter(MemoryFileSystem crashed, Workload workload, string hint)
    {
        SharedLog log;
        try
        {
            log = SharedLog.Open(LogSupport.Options(crashed), out _);
        }
        catch (Exception e)
        {
            throw new InvalidOperationException($"{hint}: opening failed", e);
        }

        var differences = new List<string?>();
        foreach (ImmutableSortedDictionary<uint, ModelGroup> candidate in workload.Candidates)
        {
            differences.Add(Difference(log, candidate, workload.IsCollecting));
            if (differences[^1] is not null) continue;
            log.Dispose();
            return;
        }

        Assert.Fail($"{hint}: none of the {differences.Count} possible states: {string.Join(" | ", differences)}");
    }

    [Fact]
    public void Whatever_a_power_loss_keeps_the_log_is_as_behind_some_batch_from_the_last_sync_on()
    {
        for (ulong seed = 1; seed <= 150; seed++)
        {
            var files = new MemoryFileSystem(seed);
            var workload = new Workload(files, seed);
            workload.Run(20 + (int)(seed % 100));
            foreach (CrashMode mode in Enum.GetValues<CrashMode>())
            {
                CheckAfter(files.Crash(seed, mode), workload, $"seed {seed}, {mode}");
            }
        }
    }

    [Theory]
    [InlineData(1001)]
    [InlineData(1002)]
    [InlineData(1003)]
    public void A_crash_before_any_call_also_amid_garbage_collection_loses_nothing(ulong seed)
    {
        for (long call = 0; ; call++)
        {
            var memory = new MemoryFileSystem(seed);
            var files = new FaultInjectingFileSystem(memory);
            files.Add(new FaultRule { AfterCalls = call, Errno = 0, Action = _ => throw new StopException() });
            var workload = new Workload(files, seed);
            bool stopped = false;
            try
            {
                workload.Run(80);
            }
            catch (Exception e) when (e is StopException or { InnerException: StopException })
            {
                stopped = true;
            }

            foreach (CrashMode mode in Enum.GetValues<CrashMode>())
            {
                CheckAfter(memory.Crash(seed + (ulong)call, mode), workload, $"seed {seed}, call {call}, {mode}");
            }

            if (!stopped) break;
        }
    }

    [Theory]
    [InlineData(FileOperation.Write, Errno.IO)]
    [InlineData(FileOperation.Write, Errno.NoSpace)]
    [InlineData(FileOperation.Sync, Errno.IO)]
    [InlineData(FileOperation.Rename | FileOperation.SyncDirectory, Errno.IO)]
    [InlineData(FileOperation.Create | FileOperation.Open, Errno.IO)]
    public void A_fault_at_any_call_loses_nothing(FileOperation operation, int errno)
    {
        for (long call = 0; call < 80; call++)
        {
            const ulong seed = 2001;
            var memory = new MemoryFileSystem(seed);
            var files = new FaultInjectingFileSystem(memory);
            files.Add(new FaultRule { Operation = operation, AfterCalls = call, Errno = errno });
            var workload = new Workload(files, seed);
            try
            {
                workload.Run(60);
            }
            catch (IOException e) when (e is StorageException or WalFailedException)
            {
                // Refused or failed, as it should be.
            }

            CheckAfter(memory.Crash(seed + (ulong)call), workload, $"{operation}, errno {errno}, call {call}");
            CheckAfter(memory.Crash(seed, CrashMode.ProcessOnly), workload, $"{operation}, errno {errno}, call {call}");
        }
    }
}
