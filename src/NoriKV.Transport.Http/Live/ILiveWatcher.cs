namespace NoriKV.Transport.Http.Live;

/// <summary>One who watches; disposed when it leaves.</summary>
public interface ILiveWatcher : IDisposable
{
    /// <summary>The next part of a message, once there is news and the budget allows it; valid until the next call.</summary>
    ValueTask<LivePiece> NextAsync(CancellationToken cancellationToken);

    /// <summary>Takes what the watcher sent, whatever it is. Thread-safe.</summary>
    void Ask(ReadOnlySpan<byte> message);
}
