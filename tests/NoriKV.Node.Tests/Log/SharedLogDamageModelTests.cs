using Nori.Core;
using Nori.IO;
using Nori.Wal;
using NoriKV.Node.Log;
using NoriKV.Types;

namespace NoriKV.Node.Tests.Log;

/// <summary>
/// Histories as Raft makes them (leaders come and go, replace what was not committed, and never change what they wrote), then
/// bytes of the durable log are damaged at random. A replica that passes for whole is exactly as it was; one that is marked holds
/// nothing wrong and has its term and vote; and nothing ever changes without a mark.
/// </summary>
public sealed class SharedLogDamageModelTests
{
    private const int Shards = 4;

    [Fact]
    public void No_damage_passes_for_health_and_nothing_that_is_kept_is_wrong()
    {
        int whole = 0, cut = 0, never = 0, refused = 0;
        for (ulong seed = 1; seed <= 400; seed++)
        {
            var random = new Prng(seed);
            var files = new MemoryFileSystem(seed);
            var groups = new List<Group>();
            for (uint shard = 0; shard < Shards; shard++) groups.Add(new Group(shard));
            Live(files, groups, random);
            Damage(files, random);
            SharedLog log;
            try
            {
                log = SharedLog.Open(Reporting(files), out SharedLogRecovery _);
            }
            catch (CorruptionException)
            {
                refused++; // the header of a segment: the node does not start
                continue;
            }

            log.Contain([.. groups.Select(g => g.Expected(random))]);
            foreach (Group group in groups)
            {
                LogDamage damage = group.Check(log, $"seed {seed}, shard {group.Shard}");
                whole += damage == LogDamage.None ? 1 : 0;
                cut += damage == LogDamage.Entries ? 1 : 0;
                never += damage == LogDamage.HardState ? 1 : 0;
            }

            log.Dispose();
        }

        Assert.True(
            whole > 100 && cut > 30 && never > 100 && refused < 200, $"{whole} whole, {cut} cut, {never} never back, {refused} refused");
    }

    private static void Live(MemoryFileSystem files, List<Group> groups, Prng random)
    {
        SharedLog log = SharedLog.Open(Reporting(files), out _);
        using var batch = new SharedLogBatch();
        for (int i = random.NextInt(5, 60); i > 0; i--)
        {
            batch.Clear();
            foreach (Group group in groups)
            {
                if (random.Chance(0.5)) group.Step(batch, random);
            }

            log.Write(batch);
            if (!random.Chance(0.1)) continue;
            log.Sync();
            log.CollectGarbage(ulong.MaxValue, s => new LogIndex(groups[(int)s.Value].Commit / 2));
        }

        log.Sync();
        foreach (Group group in groups) group.NotePrefix(log);
        log.Close();
    }

    private static void Damage(MemoryFileSystem files, Prng random)
    {
        string[] segments = [.. files.List(LogSupport.Directory).Where(n => n.EndsWith(".wal", StringComparison.Ordinal)).Order()];
        for (int n = random.NextInt(1, 3); n > 0; n--)
        {
            string path = $"{LogSupport.Directory}/{segments[random.NextInt(segments.Length)]}";
            int length;
            using (IFile file = files.Open(path, FileOpen.Read)) length = (int)Math.Min(file.Length, 16 << 10);
            if (length <= 8192) continue;
            files.Corrupt(path, random.NextInt(8192, length), (byte)(1 << random.NextInt(8)));
        }
    }

    private static SharedLogOptions Reporting(IFileSystem files) =>
        LogSupport.Options(files) with { OnCorruption = CorruptionAction.Report, RecycledSegmentsMax = 0 };

    /// <summary>What one replica was told by its leaders, and what it wrote.</summary>
    private sealed class Group(uint shard)
    {
        private readonly ReplicaId _replica = new(shard + 10);
        private readonly SortedDictionary<ulong, ulong> _terms = [];
        private List<ulong> _leader = [];
        private ulong _matched;
        private ulong _term = 1;
        private ulong _prefix;
        private HardState? _hard;

        public ShardId Shard { get; } = new(shard);

        public ulong Commit { get; private set; }

        private ulong Last => _terms.Count == 0 ? 0 : _terms.Keys.Last();

        public void Step(SharedLogBatch batch, Prng random)
        {
            if (_leader.Count == 0 || random.Chance(0.15)) NewLeader(random);
            int more = random.NextInt(6);
            for (int i = 0; i < more; i++) _leader.Add(_term);
            ulong to = Math.Min((ulong)_leader.Count, _matched + (ulong)random.NextInt(6));
            for (ulong i = _matched + 1; i <= to; i++)
            {
                // An append of what is there already is not written again.
                if (_terms.TryGetValue(i, out ulong held) && held == _leader[(int)i - 1]) continue;
                foreach (ulong gone in _terms.Keys.Where(k => k >= i).ToList()) _terms.Remove(gone);
                _terms[i] = _leader[(int)i - 1];
                batch.Append(Shard, _replica, new LogIndex(i), new Term(_terms[i]), Envelope(i, _terms[i]));
            }

            _matched = Math.Max(_matched, to);
            if (random.Chance(0.5)) Commit = Math.Max(Commit, (ulong)random.NextLong((long)_matched + 1));
            if (!random.Chance(0.4)) return;
            _hard = new HardState(new Term(_term), new ReplicaId((ulong)random.NextInt(3)), new LogIndex(Commit));
            batch.HardState(Shard, _replica, _hard.Value.Term, _hard.Value.Vote, _hard.Value.Commit);
        }

        public void NotePrefix(SharedLog log) => _prefix = log.GroupState(Shard)?.PrefixIndex.Value ?? 0;

        public ExpectedReplica Expected(Prng random)
        {
            ulong applied = random.Chance(0.5) ? 0 : (ulong)random.NextLong((long)Commit + 1);
            applied = Math.Max(applied, _prefix);
            return new ExpectedReplica(Shard, _replica, new LogIndex(applied), new Term(TermAt(applied)));
        }

        public LogDamage Check(SharedLog log, string what)
        {
            if (log.GroupState(Shard) is not { } state)
            {
                Assert.True(_terms.Count == 0 && _hard is null, $"{what}: forgotten without a mark");
                return LogDamage.None;
            }

            if (state.Damage == LogDamage.HardState) return state.Damage;
            HardState now = state.HardState ?? default, then = _hard ?? default;
            Assert.True(
                now.Term == then.Term && now.Vote == then.Vote,
                $"{what}: {state.HardState}, it was {_hard}");
            if (state.Damage == LogDamage.None)
            {
                Assert.True(state.LastIndex.Value == Last, $"{what}: ends at {state.LastIndex}, ended at {Last}, without a mark");
                Assert.True(state.HardState == _hard, $"{what}: {state.HardState}, it was {_hard}, without a mark");
            }

            Assert.True(state.LastIndex.Value <= Last, $"{what}: ends at {state.LastIndex}, ended at {Last}");
            Assert.Equal(new Term(TermAt(state.PrefixIndex.Value)), state.PrefixTerm);
            for (LogIndex i = state.FirstIndex; i.CompareTo(state.LastIndex) <= 0; i = i.Next)
            {
                Assert.True(log.TryReadEntry(Shard, i, out LogEntry entry), $"{what}: no entry {i}");
                bool isRight = entry.Term.Value == _terms[i.Value]
                    && entry.Envelope.Span.SequenceEqual(Envelope(i.Value, _terms[i.Value]));
                Assert.True(isRight, $"{what}: entry {i} is of term {entry.Term}, it was of {_terms[i.Value]}");
            }

            return state.Damage;
        }

        private ulong TermAt(ulong index) => index == 0 ? 0 : _terms[index];

        /// <summary>It holds what is committed, perhaps more of ours, perhaps what we never saw, of a term in between.</summary>
        private void NewLeader(Prng random)
        {
            ulong shared = Commit + (ulong)random.NextLong((long)(Last - Commit) + 1);
            _leader = [.. Enumerable.Range(1, (int)shared).Select(i => _terms[(ulong)i])];
            ulong unseen = _term + 1;
            _term += 2;
            for (int i = random.NextInt(5); i > 0 && random.Chance(0.7); i--) _leader.Add(unseen);
            _leader.Add(_term);
            _matched = shared;
        }

        private byte[] Envelope(ulong index, ulong term)
        {
            byte[] envelope = new byte[20 + (((index * 31) + term) % 300)];
            new Prng((term << 32) ^ index ^ ((ulong)shard << 60)).Fill(envelope);
            return envelope;
        }
    }
}
