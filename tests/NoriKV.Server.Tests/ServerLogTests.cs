using NoriKV.Types;

namespace NoriKV.Server.Tests;

public sealed class ServerLogTests
{
    // Seven of ten events under load are syncs: what else happened must not be lost to them.
    [Fact]
    public void Syncs_do_not_push_what_happened_out_of_what_is_remembered()
    {
        var (ring, news) = (new Nori.Observe.EventRing(64), new Nori.Observe.EventRing(64));
        var log = new ServerLog();
        var events = new ServerEvents(ring, new Live.NewsSink(news), new EventLog(log), new StoppedTime());
        events.Emit(new Nori.Wal.SegmentRoll(1, 2));
        for (int i = 0; i < 1000; i++) events.Emit(new Nori.Wal.Fsync(3, 0.5));
        for (int i = 0; i < 3; i++) events.Emit(new Nori.Wal.Fsync(3, 100));
        Assert.Equal(5, ring.Emitted);
        Assert.Equal(1, news.Emitted);
    }

    // The page takes an event of the hour for the one it has seen when all of both is the same, their times too.
    [Fact]
    public void What_is_told_at_once_and_what_the_hour_tells_happened_at_one_time()
    {
        var time = new ElapsingTime();
        var (ring, news) = (new Nori.Observe.EventRing(4, time), new Nori.Observe.EventRing(4, time));
        var events = new ServerEvents(ring, new Live.NewsSink(news), new EventLog(new ServerLog()), time);
        events.Emit(new Nori.Wal.SegmentRoll(1, 2));
        var (told, remembered) = (new Nori.Observe.EventRecord(), new Nori.Observe.EventRecord());
        Assert.True(ring.Subscribe(0).TryRead(told));
        Assert.True(news.Subscribe(0).TryRead(remembered));
        Assert.Equal(told.Time, remembered.Time);
    }

    // A second passes between any two looks at it.
    private sealed class ElapsingTime : TimeProvider
    {
        private int _looks;

        public override DateTimeOffset GetUtcNow() => DateTimeOffset.UnixEpoch.AddSeconds(++_looks);
    }

    private sealed class StoppedTime : TimeProvider
    {
        public override long GetTimestamp() => 7;
    }

    [Fact]
    public void A_line_has_time_level_component_message_and_fields()
    {
        string line = new ServerLog(new At()).Format(
            LogLevel.Warning, "node", "not ready", [("reason", "disk full"), ("n", 3), ("empty", null)]);
        Assert.Equal("2026-11-21T09:30:00.000Z WARN  node: not ready reason=\"disk full\" n=3 empty=\"\"", line);
    }

    [Fact]
    public void One_event_stays_one_line_whatever_it_quotes()
    {
        string line = new ServerLog().Format(LogLevel.Error, "x", "a\nb\u001b[31m", [("e", "1\r\n2 \"q\"")]);
        Assert.DoesNotContain('\n', line);
        Assert.DoesNotContain('\u001b', line);
        Assert.Contains("e=\"1\\n2 \\\"q\\\"\"", line, StringComparison.Ordinal);
        Assert.True(new ServerLog().Format(LogLevel.Info, "x", new string('a', 100_000), []).Length < 5000);
    }

    [Fact]
    public void A_writer_that_is_stuck_holds_up_nobody_and_what_was_dropped_is_counted()
    {
        var log = new ServerLog();
        for (int i = 0; i < ServerLog.QueueMax + 10; i++) log.Info("x", "y");
        Assert.Equal(10, log.TakeDropped());
        var written = new StringWriter();
        using (new LogLoop(log, written)) log.Complete();
        Assert.Equal(ServerLog.QueueMax, written.ToString().Split('\n', StringSplitOptions.RemoveEmptyEntries).Length);
    }

    [Fact]
    public void A_json_line_keeps_numbers_and_hides_none_of_its_own_words()
    {
        var log = new ServerLog(new At()) { Style = LogFormat.Json };
        Assert.Equal(
            """{"time":"2026-11-21T09:30:00.000Z","level":"warning","component":"lsm","message":"L0Stall","""
            + "\"n\":3,\"x\":0.5,\"ok\":true,\"level_\":\"2\",\"none\":null}",
            log.Format(LogLevel.Warning, "lsm", "L0Stall", [("n", 3L), ("x", 0.5), ("ok", true), ("level", "2"), ("none", null)]));
        Assert.DoesNotContain('\n', log.Format(LogLevel.Error, "x", "a\nb", [("e", "1\r\n2")]));
    }

    [Fact]
    public void What_a_components_level_holds_back_is_not_even_formatted()
    {
        var log = new ServerLog();
        log.Levels.SetWord("raft=debug");
        log.Debug("swim", "held back");
        log.Debug("raft", "written");
        log.Levels.SetWord("off");
        log.Error("swim", "held back");
        Assert.True(log.Lines.TryRead(out string? line));
        Assert.Contains("DEBUG raft: written", line, StringComparison.Ordinal);
        Assert.False(log.Lines.TryRead(out _));
    }

    [Fact]
    public void Wrong_words_are_told_with_those_there_are()
    {
        var levels = new LogLevels();
        Assert.NotNull(levels.SetWord("raft=loud"));
        Assert.NotNull(levels.SetWord("Raft=info"));
        Assert.NotNull(levels.SetWord(new string('a', 40) + "=info"));
        string problem = levels.Set("nope", "debug")!;
        foreach (string component in LogLevels.Components) Assert.Contains(component, problem, StringComparison.Ordinal);
        string[] families = ["wal", "lsm", "compaction", "raft", "swim", "shard", "cache", "scrub"];
        foreach (string family in families) Assert.Null(levels.Set(family, "debug"));
        Assert.Equal(1 + families.Length, levels.All.Count);
    }

    [Fact]
    public void The_least_level_is_that_of_whichever_component_says_most()
    {
        var levels = new LogLevels();
        Assert.Equal(LogLevel.Info, levels.Least);
        levels.SetWord("raft=debug");
        levels.SetWord("error");
        Assert.Equal(LogLevel.Debug, levels.Least);
        levels.SetWord("raft=off");
        Assert.Equal(LogLevel.Error, levels.Least);
    }

    [Fact]
    public void An_event_is_a_line_of_its_family_and_one_that_is_not_wanted_allocates_nothing()
    {
        var log = new ServerLog();
        var events = new EventLog(log);
        Assert.Equal(0, Allocations.Least(() =>
        {
            for (int i = 0; i < 1000; i++) events.Emit(new Nori.Wal.Fsync(3, 0.5));
        }));
        log.Levels.SetWord("wal=debug");
        events.Emit(new Nori.Wal.Fsync(3, 0.5));
        Assert.True(log.Lines.TryRead(out string? line));
        Assert.EndsWith("DEBUG wal: Fsync seg=3 ms=0.5", line, StringComparison.Ordinal);
    }

    [Fact]
    public void The_meta_group_is_named_where_an_event_has_its_number()
    {
        var log = new ServerLog();
        log.Levels.SetWord("raft=debug");
        var events = new EventLog(log) { TotalShards = static () => 16 };
        events.Emit(new Node.SteppedDown(new ShardId(15), new Term(2)));
        events.Emit(new Node.SteppedDown(new ShardId(16), new Term(2)));
        Assert.True(log.Lines.TryRead(out string? shard));
        Assert.True(log.Lines.TryRead(out string? meta));
        Assert.EndsWith("StepDown shard=15 term=2", shard, StringComparison.Ordinal);
        Assert.EndsWith("StepDown shard=16 term=2 group=meta", meta, StringComparison.Ordinal);
    }

    private sealed class At : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => new(2026, 11, 21, 9, 30, 0, TimeSpan.Zero);
    }
}
