using Nori.Core;

namespace Nori.Grpc;

/// <summary>
/// Sends opaque frames to one server over a duplex call that is made again whenever it ends: for protocols that stand
/// losses and want no delay. What waits is bounded, and the oldest goes first.
/// </summary>
/// <remarks>Thread-safe. Frames keep their order while a connection lives.</remarks>
public sealed class FrameLink : IAsyncDisposable
{
    private readonly FrameLinkOptions _options;
    private readonly GrpcChannel _channel;
    private readonly FrameQueue _queue;
    private readonly Prng _random;
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _running;
    private FrameLine? _line;
    private string? _lastFailure;
    private long _connections;
    private int _disposed;

    /// <summary>Begins to connect.</summary>
    /// <exception cref="ArgumentException">The options have problems.</exception>
    public FrameLink(FrameLinkOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        IReadOnlyList<string> problems = options.Validate();
        if (problems.Count > 0) throw new ArgumentException(string.Join(" ", problems), nameof(options));
        _options = options;
        _channel = new GrpcChannel(options.Channel);
        _queue = new FrameQueue(options.QueueFramesMax, options.QueueBytesMax);
        _random = new Prng(options.Seed);
        _running = Task.Run(RunAsync);
    }

    /// <summary>True between the answer to a hello and the end of that connection.</summary>
    public bool IsConnected => _queue.IsOpen;

    /// <summary>Connections that got as far as the answer to the hello.</summary>
    public long Connections => Interlocked.Read(ref _connections);

    /// <summary>Frames that were dropped: without a connection, for want of room, or with a connection that ended.</summary>
    public long DroppedFrames => _queue.Dropped;

    /// <summary>Why the last attempt or connection ended; null before the first did.</summary>
    public string? LastFailure => Volatile.Read(ref _lastFailure);

    /// <summary>Sends a frame, without waiting; false when it was dropped at once.</summary>
    /// <param name="frame">The link's from now on.</param>
    public bool TrySend(ReadOnlyMemory<byte> frame)
    {
        if (!_queue.TryAdd(frame)) return false;
        Volatile.Read(ref _line)?.Kick();
        return true;
    }

    /// <summary>Ends the connection; what waits is dropped.</summary>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _disposed, 1) != 0) return;
        await _stop.CancelAsync().ConfigureAwait(false);
        await _running.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _queue.SetOpen(false);
        _queue.Dispose();
        _channel.Dispose();
        _stop.Dispose();
    }

    private async Task RunAsync()
    {
        TimeSpan pause = _options.BackoffMin;
        while (!_stop.IsCancellationRequested)
        {
            bool wasConnected = false;
            try
            {
                wasConnected = await ConnectAsync().ConfigureAwait(false);
            }
            catch (Exception e) when (e is GrpcException or OperationCanceledException or IOException)
            {
                // The other side is gone, restarts, or does not want this one: it is tried again, less and less often.
                wasConnected = IsConnected;
                Volatile.Write(ref _lastFailure, e.Message);
                if (e is GrpcException failure) _options.Failed?.Invoke(failure);
            }

            _queue.SetOpen(false);
            if (wasConnected) pause = _options.BackoffMin;
            TimeSpan jittered = pause * (0.5 + (0.5 * _random.NextDouble()));
            await Task.Delay(jittered, _options.Time, _stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            pause = pause * 2 < _options.BackoffMax ? pause * 2 : _options.BackoffMax;
        }
    }

    private async Task<bool> ConnectAsync()
    {
        using CancellationTokenSource ended = CancellationTokenSource.CreateLinkedTokenSource(_stop.Token);
        using GrpcDuplexCall<FramePart, FramePart> call = _channel.DuplexStreaming(
            _options.Method, new GrpcCallOptions { Headers = _options.Headers, CancellationToken = ended.Token });
        IAsyncEnumerator<FramePart> answers =
            call.ReadAllAsync(ended.Token).GetAsyncEnumerator(CancellationToken.None);
        try
        {
            if (!await GreetAsync(call, answers, ended).ConfigureAwait(false)) return false;
            await CarryAsync(call, answers, ended).ConfigureAwait(false);
            return true;
        }
        finally
        {
            await answers.DisposeAsync().ConfigureAwait(false);
        }
    }

    private async Task CarryAsync(
        GrpcDuplexCall<FramePart, FramePart> call,
        IAsyncEnumerator<FramePart> answers,
        CancellationTokenSource ended)
    {
        FrameLine? line = await TryLineAsync(answers.Current.Bytes, ended).ConfigureAwait(false);
        Interlocked.Increment(ref _connections);
        Volatile.Write(ref _line, line);
        _queue.SetOpen(true);
        // Nothing is expected of the other side but its end, which ends the sending, too.
        Task reading = WatchAsync(answers, ended);
        try
        {
            await (line is null ? SendAsync(call, ended.Token) : line.WatchAsync()).ConfigureAwait(false);
        }
        catch (Exception) when (ended.IsCancellationRequested)
        {
            // What the other side said is with the answers.
        }
        finally
        {
            Volatile.Write(ref _line, null);
            await ended.CancelAsync().ConfigureAwait(false);
            if (line is not null) await line.DisposeAsync().ConfigureAwait(false);
            await reading.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        await reading.ConfigureAwait(false);
    }

    // Something between the two may let calls pass and nothing else: then frames go in the call.
    private async Task<FrameLine?> TryLineAsync(ReadOnlyMemory<byte> answer, CancellationTokenSource ended)
    {
        ReadOnlyMemory<byte> token = _options.LineTokenOf?.Invoke(answer) ?? default;
        if (token.Length != FrameLineFormat.TokenBytes) return null;
        using CancellationTokenSource patience = CancellationTokenSource.CreateLinkedTokenSource(ended.Token);
        using ITimer timer = _options.Time.CreateTimer(
            static state => ((CancellationTokenSource)state!).Cancel(), patience, _options.HelloTimeout, Timeout.InfiniteTimeSpan);
        try
        {
            return await FrameLine.ConnectAsync(_options.Channel, token, _queue, ended, patience.Token).ConfigureAwait(false);
        }
        catch (Exception e) when (FrameLine.IsEnd(e) && !ended.IsCancellationRequested)
        {
            Volatile.Write(ref _lastFailure, e.Message);
            return null;
        }
    }

    private async Task<bool> GreetAsync(
        GrpcDuplexCall<FramePart, FramePart> call,
        IAsyncEnumerator<FramePart> answers,
        CancellationTokenSource ended)
    {
        using ITimer patience = _options.Time.CreateTimer(
            static state => ((CancellationTokenSource)state!).Cancel(), ended, _options.HelloTimeout, Timeout.InfiniteTimeSpan);
        await call.WriteAsync(new FramePart(_options.Hello, true)).ConfigureAwait(false);
        if (!await answers.MoveNextAsync().ConfigureAwait(false)) return false;
        if (_options.Judge(answers.Current.Bytes) is not { } objection) return true;
        Volatile.Write(ref _lastFailure, objection);
        return false;
    }

    private async Task SendAsync(GrpcDuplexCall<FramePart, FramePart> call, CancellationToken ended)
    {
        while (true)
        {
            while (_queue.TryTake(out ReadOnlyMemory<byte> frame, out bool isLast))
                await WriteAsync(call, frame, isLast).ConfigureAwait(false);
            await _queue.WaitAsync(ended).ConfigureAwait(false);
        }
    }

    private async ValueTask WriteAsync(
        GrpcDuplexCall<FramePart, FramePart> call, ReadOnlyMemory<byte> frame, bool flush)
    {
        while (frame.Length > _options.PartBytesMax)
        {
            await call.WriteAsync(new FramePart(frame[.._options.PartBytesMax], false)).ConfigureAwait(false);
            frame = frame[_options.PartBytesMax..];
        }

        await call.WriteAsync(new FramePart(frame, true), flush).ConfigureAwait(false);
    }

    private static async Task WatchAsync(IAsyncEnumerator<FramePart> answers, CancellationTokenSource ended)
    {
        try
        {
            while (await answers.MoveNextAsync().ConfigureAwait(false))
            {
            }
        }
        finally
        {
            await ended.CancelAsync().ConfigureAwait(false);
        }
    }
}
