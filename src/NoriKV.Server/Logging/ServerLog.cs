using System.Globalization;
using System.Text;
using System.Threading.Channels;

namespace NoriKV.Server;

/// <summary>
/// Structured lines <c>time level component message key=value …</c> for people and grep. Writing a line never
/// blocks and never fails: it enters a bounded queue, and what does not fit is counted and the count is
/// written later.
/// </summary>
/// <remarks>Thread-safe. <see cref="LogLoop"/> owns the thread that writes.</remarks>
public sealed class ServerLog
{
    /// <summary>Lines that wait at most.</summary>
    public const int QueueMax = 1024;

    private const int LineCharsMax = 4096;
    private readonly TimeProvider _time;
    private readonly Channel<string> _lines = Channel.CreateBounded<string>(
        new BoundedChannelOptions(QueueMax) { SingleReader = true, FullMode = BoundedChannelFullMode.Wait });

    private long _dropped;

    /// <summary>Makes a log; lines wait until a <see cref="LogLoop"/> writes them.</summary>
    public ServerLog(TimeProvider? time = null) => _time = time ?? TimeProvider.System;

    /// <summary>Lines that did not fit since the last time this was told.</summary>
    public long TakeDropped() => Interlocked.Exchange(ref _dropped, 0);

    internal ChannelReader<string> Lines => _lines.Reader;

    /// <summary>Logs the course of things.</summary>
    public void Info(string component, string message, params ReadOnlySpan<(string Key, object? Value)> fields) =>
        Write(LogLevel.Info, component, message, fields);

    /// <summary>Logs what somebody should look at.</summary>
    public void Warning(string component, string message, params ReadOnlySpan<(string Key, object? Value)> fields) =>
        Write(LogLevel.Warning, component, message, fields);

    /// <summary>Logs a failure.</summary>
    public void Error(string component, string message, params ReadOnlySpan<(string Key, object? Value)> fields) =>
        Write(LogLevel.Error, component, message, fields);

    /// <summary>Takes no more lines.</summary>
    public void Complete() => _lines.Writer.TryComplete();

    internal string Format(
        LogLevel level, string component, string message, ReadOnlySpan<(string Key, object? Value)> fields)
    {
        var line = new StringBuilder(128);
        line.Append(_time.GetUtcNow().UtcDateTime.ToString("yyyy-MM-ddTHH:mm:ss.fffZ", CultureInfo.InvariantCulture));
        line.Append(level switch { LogLevel.Info => " INFO  ", LogLevel.Warning => " WARN  ", _ => " ERROR " });
        line.Append(component).Append(": ");
        AppendSafe(line, message);
        foreach ((string key, object? value) in fields)
        {
            line.Append(' ').Append(key).Append('=');
            string text = Convert.ToString(value, CultureInfo.InvariantCulture) ?? "";
            bool quoted = text.Length == 0 || text.AsSpan().IndexOfAny(" \"=") >= 0;
            if (quoted) line.Append('"');
            AppendSafe(line, quoted ? text.Replace("\"", "\\\"", StringComparison.Ordinal) : text);
            if (quoted) line.Append('"');
        }

        if (line.Length > LineCharsMax) line.Remove(LineCharsMax, line.Length - LineCharsMax).Append('…');
        return line.ToString();
    }

    private void Write(
        LogLevel level, string component, string message, ReadOnlySpan<(string Key, object? Value)> fields)
    {
        if (!_lines.Writer.TryWrite(Format(level, component, message, fields))) Interlocked.Increment(ref _dropped);
    }

    // One line stays one line, whatever a message quotes.
    private static void AppendSafe(StringBuilder line, string text)
    {
        foreach (char c in text)
        {
            switch (c)
            {
                case '\n': line.Append("\\n"); break;
                case '\r': break;
                default: line.Append(char.IsControl(c) ? '?' : c); break;
            }
        }
    }
}
