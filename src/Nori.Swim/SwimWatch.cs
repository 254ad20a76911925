using System.Threading.Channels;
using Nori.Swim.Core;

namespace Nori.Swim;

/// <summary>
/// One watcher's bounded stream of events. When the watcher is slow the oldest go and are counted; the protocol never
/// waits. After <see cref="Dropped"/> rose, read <see cref="SwimNode.Members"/> again.
/// </summary>
/// <remarks>Thread-safe. Dispose it to stop watching.</remarks>
public sealed class SwimWatch : IDisposable
{
    private readonly Channel<SwimEvent> _channel;
    private readonly Action<SwimWatch> _disposed;
    private long _dropped;

    internal SwimWatch(int capacity, Action<SwimWatch> disposed)
    {
        _disposed = disposed;
        _channel = Channel.CreateBounded<SwimEvent>(
            new BoundedChannelOptions(capacity) { FullMode = BoundedChannelFullMode.DropOldest, SingleWriter = true },
            _ => Interlocked.Increment(ref _dropped));
    }

    /// <summary>Events that were lost because the watcher was slow.</summary>
    public long Dropped => Interlocked.Read(ref _dropped);

    /// <summary>Takes an event that is there; false when there is none.</summary>
    public bool TryRead(out SwimEvent e) => _channel.Reader.TryRead(out e);

    /// <summary>The events to come; ends when the node stops or the watch is disposed.</summary>
    public IAsyncEnumerable<SwimEvent> ReadAllAsync(CancellationToken cancellation = default) =>
        _channel.Reader.ReadAllAsync(cancellation);

    /// <inheritdoc/>
    public void Dispose()
    {
        _disposed(this);
        Complete();
    }

    internal void Write(in SwimEvent e) => _channel.Writer.TryWrite(e);

    internal void Complete() => _channel.Writer.TryComplete();
}
