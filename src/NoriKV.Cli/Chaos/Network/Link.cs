namespace NoriKV.Cli.Chaos.Network;

/// <summary>One direction between two parties. Several faults may cut it at once: it is open when none does.</summary>
/// <remarks>Thread-safe.</remarks>
internal sealed class Link(TimeProvider time)
{
    // What is held back for want of bandwidth looks so often whether the link is wide again.
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(20);

    // Guards what follows.
    private readonly Lock _gate = new();
    private TaskCompletionSource? _opens;
    private int _cuts;
    private int _streamCuts;
    private long _bytesPerSecond;
    private long _freeAt;

    /// <summary>How late everything is.</summary>
    public TimeSpan Delay { get; set; }

    /// <summary>What all streams together may send; 0: no bound.</summary>
    public long BytesPerSecond
    {
        get
        {
            lock (_gate) return _bytesPerSecond;
        }

        set
        {
            lock (_gate) (_bytesPerSecond, _freeAt) = (value, 0);
        }
    }

    /// <summary>Share of datagrams that are lost, 0 to 1.</summary>
    public double Loss { get; set; }

    /// <summary>True while not even datagrams pass.</summary>
    public bool IsCut
    {
        get
        {
            lock (_gate) return _cuts > 0;
        }
    }

    /// <summary>Nothing passes until it is mended as often as it was cut.</summary>
    /// <param name="isOfStreams">Datagrams pass all the same.</param>
    public void Cut(bool isOfStreams = false)
    {
        lock (_gate)
        {
            (isOfStreams ? ref _streamCuts : ref _cuts)++;
            _opens ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        }
    }

    /// <summary>Takes back one cut of its kind; more than there are do nothing.</summary>
    public void Mend(bool isOfStreams = false)
    {
        lock (_gate)
        {
            ref int cuts = ref isOfStreams ? ref _streamCuts : ref _cuts;
            if (cuts > 0) cuts--;
            if (_cuts + _streamCuts > 0) return;
            _opens?.SetResult();
            _opens = null;
        }
    }

    /// <summary>Open and fast again, whatever was done to it.</summary>
    public void Heal()
    {
        lock (_gate)
        {
            (Delay, Loss, _cuts, _streamCuts, _bytesPerSecond) = (TimeSpan.Zero, 0, 0, 0, 0);
            _opens?.SetResult();
            _opens = null;
        }
    }

    /// <summary>Completes when something may pass: what is held back arrives later, as TCP sends it again.</summary>
    /// <param name="bytes">How much of the bandwidth it takes.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public async ValueTask PassAsync(int bytes, CancellationToken cancellationToken)
    {
        long turn = TurnOf(bytes);
        while (BytesPerSecond > 0 && time.GetTimestamp() < turn) await Task.Delay(Look, time, cancellationToken).ConfigureAwait(false);
        if (Delay > TimeSpan.Zero) await Task.Delay(Delay, time, cancellationToken).ConfigureAwait(false);
        while (Opening() is { } opens) await opens.WaitAsync(cancellationToken).ConfigureAwait(false);
    }

    private long TurnOf(int bytes)
    {
        lock (_gate)
        {
            if (_bytesPerSecond == 0) return 0;
            return _freeAt = Math.Max(_freeAt, time.GetTimestamp()) + (bytes * time.TimestampFrequency / _bytesPerSecond);
        }
    }

    private Task? Opening()
    {
        lock (_gate) return _opens?.Task;
    }
}
