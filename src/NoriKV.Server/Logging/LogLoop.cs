namespace NoriKV.Server;

/// <summary>
/// The thread that writes a <see cref="ServerLog"/>, so that a stuck terminal holds up nobody else.
/// </summary>
public sealed class LogLoop : IDisposable
{
    private readonly ServerLog _log;
    private readonly TextWriter _writer;
    private readonly Thread _thread;

    /// <summary>Starts writing.</summary>
    public LogLoop(ServerLog log, TextWriter writer)
    {
        (_log, _writer) = (log, writer);
        _thread = new Thread(Run) { IsBackground = true, Name = "norikv-log" };
        _thread.Start();
    }

    /// <summary>Writes what waits, for at most a second, and ends.</summary>
    public void Dispose()
    {
        _log.Complete();
        _thread.Join(TimeSpan.FromSeconds(1));
    }

    private void Run()
    {
        try
        {
            // A thread of its own: blocking it is what it is for.
            while (_log.Lines.WaitToReadAsync().AsTask().GetAwaiter().GetResult())
            {
                while (_log.Lines.TryRead(out string? line)) _writer.WriteLine(line);
                long dropped = _log.TakeDropped();
                if (dropped > 0)
                    _writer.WriteLine(_log.Format(LogLevel.Warning, "log", "lines were dropped", [("count", dropped)]));
                _writer.Flush();
            }
        }
        catch (Exception closed) when (closed is IOException or ObjectDisposedException)
        {
            // Nobody reads any more; the server goes on without a log.
            _log.Complete();
        }
    }
}
