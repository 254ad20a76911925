using System.Threading.Channels;

namespace NoriKV.Server;

/// <summary>
/// Structured lines, one an event, as text or JSON. Writing a line never blocks and never fails: it enters a bounded queue, and
/// what does not fit is counted and the count is written later.
/// </summary>
/// <remarks>Thread-safe. <see cref="LogLoop"/> owns the thread that writes.</remarks>
public sealed class ServerLog
{
    /// <summary>Lines that wait at most.</summary>
    public const int QueueMax = 1024;

    private readonly TimeProvider _time;
    private readonly Channel<string> _lines = Channel.CreateBounded<string>(
        new BoundedChannelOptions(QueueMax) { SingleReader = true, FullMode = BoundedChannelFullMode.Wait });

    private long _dropped;
    private long _droppedEver;

    /// <summary>Makes a log; lines wait until a <see cref="LogLoop"/> writes them.</summary>
    public ServerLog(TimeProvider? time = null) => _time = time ?? TimeProvider.System;

    /// <summary>Which lines are written; may be changed at any time.</summary>
    public LogLevels Levels { get; } = new();

    /// <summary>How lines are written. Default: for people.</summary>
    public LogFormat Style { get; set; }

    /// <summary>Lines dropped since the start.</summary>
    public long Dropped => Interlocked.Read(ref _droppedEver);

    /// <summary>Lines that did not fit since the last time this was told.</summary>
    public long TakeDropped() => Interlocked.Exchange(ref _dropped, 0);

    internal ChannelReader<string> Lines => _lines.Reader;

    /// <summary>Logs what only matters to who looks for it.</summary>
    public void Debug(string component, string message, params ReadOnlySpan<(string Key, object? Value)> fields) =>
        Write(LogLevel.Debug, component, message, fields);

    /// <summary>Logs the course of things.</summary>
    public void Info(string component, string message, params ReadOnlySpan<(string Key, object? Value)> fields) =>
        Write(LogLevel.Info, component, message, fields);

    /// <summary>Logs what somebody should look at.</summary>
    public void Warning(string component, string message, params ReadOnlySpan<(string Key, object? Value)> fields) =>
        Write(LogLevel.Warning, component, message, fields);

    /// <summary>Logs a failure.</summary>
    public void Error(string component, string message, params ReadOnlySpan<(string Key, object? Value)> fields) =>
        Write(LogLevel.Error, component, message, fields);

    /// <summary>Logs a line, if its component's level lets it through.</summary>
    public void Write(
        LogLevel level, string component, string message, ReadOnlySpan<(string Key, object? Value)> fields)
    {
        if (!Levels.IsOn(component, level)) return;
        if (_lines.Writer.TryWrite(Format(level, component, message, fields))) return;
        Interlocked.Increment(ref _dropped);
        Interlocked.Increment(ref _droppedEver);
    }

    /// <summary>Takes no more lines.</summary>
    public void Complete() => _lines.Writer.TryComplete();

    internal string Format(
        LogLevel level, string component, string message, ReadOnlySpan<(string Key, object? Value)> fields)
    {
        DateTime now = _time.GetUtcNow().UtcDateTime;
        return Style == LogFormat.Json
            ? LogText.Json(now, level, component, message, fields)
            : LogText.Console(now, level, component, message, fields);
    }
}
