namespace NoriKV.Server.Tests;

public sealed class ServerLogTests
{
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

    private sealed class At : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => new(2026, 11, 21, 9, 30, 0, TimeSpan.Zero);
    }
}
