using Nori.Core;
using Nori.IO;
using Nori.Raft.Core;

namespace Nori.Raft.Adapters.Tests;

/// <summary>
/// Random writes to a log, beside a model in memory. What a log holds after a crash must be what the model held after some
/// write, not earlier than the last acknowledged one.
/// </summary>
internal sealed class LogWorkload(IFileSystem files, ulong seed)
{
    private readonly Prng _random = new(seed);
    private readonly MemoryRaftLog _model = new();

    // Described after each write; the first is the empty log.
    private readonly List<string> _history = ["nothing"];
    private int _acknowledged;
    private LogIndex _base;
    private LogIndex _last;
    private Term _term = new(1);

    public static WalRaftLogOptions Options(IFileSystem files) => new()
    {
        Directory = "/log", FileSystem = files, SegmentBytes = 16 << 10, RecordBytes = 300, Seed = 77,
    };

    public static RaftLogWrite Random(Prng random)
    {
        LogWorkload workload = new(new MemoryFileSystem(1), random.NextUInt64());
        workload._last = new LogIndex((ulong)random.NextInt(1, 400));
        return workload.Next();
    }

    public void Run(int steps)
    {
        WalRaftLog log = WalRaftLog.Open(Options(files));
        Write(log, new RaftLogWrite { Base = Base(default, default, false), MustSync = true });
        for (int i = 0; i < steps; i++)
        {
            RaftLogWrite[] writes = Enumerable.Range(0, _random.NextInt(1, 4)).Select(_ => Next()).ToArray();
            Write(log, writes);
            if (_random.Chance(0.2)) log.OnIdle();
            if (!_random.Chance(0.1)) continue;
            log.Dispose();
            log = WalRaftLog.Open(Options(files));
            Assert.Equal(_history[^1], Describe(log));
        }

        log.Dispose();
    }

    public void CheckAfter(MemoryFileSystem crashed, string hint)
    {
        using WalRaftLog log = WalRaftLog.Open(Options(crashed));
        string found = Describe(log);
        Assert.True(
            _history[_acknowledged..].Contains(found),
            $"{hint}: found\n{found}\nacknowledged was\n{_history[_acknowledged]}\nwritten was\n{_history[^1]}");
    }

    private static RaftLogBase Base(LogIndex index, Term term, bool isReset) => new(
        index, term, new ConfigurationEntry(default, new Configuration([new ReplicaId(1), new ReplicaId(2)])), isReset);

    private RaftLogWrite Next()
    {
        RaftLogBase? start = null;
        if (_random.Chance(0.08) && _last > _base)
        {
            _base = _last;
            start = Base(_base, _term, false);
        }
        else if (_random.Chance(0.04))
        {
            _base = _last = _last + (ulong)_random.NextInt(1, 30);
            start = Base(_base, _term, true);
        }

        if (_random.Chance(0.2)) _term = new Term(_term.Value + 1);
        List<RaftEntry> entries = [];
        LogIndex first = _last.Next;
        if (_random.Chance(0.15) && _last > _base)
            first = new LogIndex(_last.Value - (ulong)_random.NextInt((int)Math.Min(5, _last - _base)));
        // A conflict comes with a later term.
        if (first <= _last) _term = new Term(_term.Value + 1);
        for (int i = _random.NextInt(start is null ? 1 : 0, 5); i > 0; i--)
        {
            byte[] data = new byte[_random.NextInt(_random.Chance(0.1) ? 3000 : 150)];
            _random.Fill(data);
            entries.Add(new RaftEntry(first + (ulong)entries.Count, _term, EntryType.Normal, data));
        }

        if (entries.Count > 0) _last = entries[^1].Index;
        return new RaftLogWrite
        {
            Base = start,
            Entries = entries,
            HardState = entries.Count > 0 || _random.Chance(0.7)
                ? new HardState(_term, new ReplicaId((ulong)_random.NextInt(4)), _base)
                : null,
            IsDamaged = _random.Chance(0.1) ? _random.Chance(0.5) : null,
            MustSync = _random.Chance(0.8),
        };
    }

    private void Write(WalRaftLog log, params RaftLogWrite[] writes)
    {
        // Known before it is tried: a crash may come after any part of it.
        foreach (RaftLogWrite write in writes)
        {
            _model.Write([write]);
            _history.Add(Describe(_model));
        }

        log.Write(writes);
        if (writes.Any(w => w.MustSync)) _acknowledged = _history.Count - 1;
    }

    private static string Describe(IRaftLog log)
    {
        if (log.Open() is not { } state) return "nothing";
        List<RaftEntry> entries = [];
        if (state.LastIndex > state.BaseIndex) log.Read(state.BaseIndex.Next, state.LastIndex, long.MaxValue, entries);
        string text = $"{state.HardState} base {state.BaseIndex}@{state.BaseTerm} last {state.LastIndex} {state.IsDamaged} "
            + $"{state.BaseConfiguration}";
        return text + string.Concat(state.Terms) + string.Concat(entries.Select(e => $" {e}#{Crc32C.Compute(e.Data.Span):x8}"));
    }
}
