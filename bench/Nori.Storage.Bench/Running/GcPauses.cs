using System.Diagnostics.Tracing;

namespace Nori.Storage.Bench.Running;

/// <summary>
/// Pauses of all threads by the garbage collector, from the runtime's own events: from the order to stop them to the moment
/// when they run again.
/// </summary>
internal sealed class GcPauses : EventListener
{
    private const string Runtime = "Microsoft-Windows-DotNETRuntime";
    private const EventKeywords Collection = (EventKeywords)1;
    private const int RestartEnd = 3;
    private const int SuspendBegin = 9;

    // Guards all below: the runtime delivers from a thread of its own.
    private readonly object _lock = new();
    private readonly Latencies _times = new();
    private DateTime? _stopped;
    private bool _counts;

    /// <summary>Counts from here on.</summary>
    public void Begin()
    {
        lock (_lock) (_counts, _stopped) = (true, null);
    }

    /// <summary>The pauses so far, while more are counted.</summary>
    public Latencies SoFar => _times;

    /// <summary>Counts no further; the pauses so far.</summary>
    public Latencies End()
    {
        lock (_lock) _counts = false;
        return _times;
    }

    protected override void OnEventSourceCreated(EventSource eventSource)
    {
        if (eventSource.Name == Runtime) EnableEvents(eventSource, EventLevel.Informational, Collection);
    }

    protected override void OnEventWritten(EventWrittenEventArgs eventData)
    {
        // The base constructor may call before the fields are set.
        if (_lock is null) return;
        lock (_lock)
        {
            if (!_counts) return;
            if (eventData.EventId == SuspendBegin) _stopped = eventData.TimeStamp;
            if (eventData.EventId != RestartEnd || _stopped is not { } since) return;
            _times.RecordMs((eventData.TimeStamp - since).TotalMilliseconds);
            _stopped = null;
        }
    }
}
