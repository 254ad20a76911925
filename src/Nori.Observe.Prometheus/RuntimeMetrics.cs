namespace Nori.Observe.Prometheus;

/// <summary>What the .NET runtime tells about itself, as <c>dotnet_*</c>.</summary>
internal static class RuntimeMetrics
{
    private static long _exceptions;

    static RuntimeMetrics() =>
        AppDomain.CurrentDomain.FirstChanceException += (_, _) => Interlocked.Increment(ref _exceptions);

    public static void Register(PrometheusMeter meter)
    {
        void Gauge(string name, string help, Func<double> read) =>
            meter.Replace(name, help, MetricKind.Gauge, SeriesLabels.None, new ObservedGauge(read));
        void Counter(string name, string help, Func<double> read, params ReadOnlySpan<Label> labels) =>
            meter.Replace(name, help, MetricKind.Counter, SeriesLabels.Of(labels), new ObservedGauge(read));

        string version = Environment.Version.ToString();
        meter.Replace(
            "dotnet_info",
            "The runtime's version; always 1.",
            MetricKind.Gauge,
            SeriesLabels.Of(new Label("version", version)),
            new ObservedGauge(() => 1));

        for (int i = 0; i <= GC.MaxGeneration; i++)
        {
            int generation = i;

            // A collection of a generation counts in all younger ones too; here each counts once, in its own.
            Counter(
                "dotnet_gc_collections_total",
                "Garbage collections by the oldest generation collected.",
                () => GC.CollectionCount(generation)
                    - (generation < GC.MaxGeneration ? GC.CollectionCount(generation + 1) : 0),
                new Label("generation", $"{generation}"));
        }

        Counter(
            "dotnet_gc_pause_seconds_total",
            "Time all threads were paused for garbage collection.",
            () => GC.GetTotalPauseDuration().TotalSeconds);
        Counter(
            "dotnet_gc_allocated_bytes_total",
            "Bytes allocated on the managed heap since the start.",
            () => GC.GetTotalAllocatedBytes());
        Gauge("dotnet_gc_heap_bytes", "Managed heap in use, garbage included.", () => GC.GetTotalMemory(false));
        Gauge(
            "dotnet_gc_committed_bytes",
            "Memory the collector had committed after its last collection.",
            () => GC.GetGCMemoryInfo().TotalCommittedBytes);

        Gauge("dotnet_threadpool_threads", "Threads of the thread pool.", () => ThreadPool.ThreadCount);
        Gauge(
            "dotnet_threadpool_queue_length",
            "Work items waiting for a thread of the pool.",
            () => ThreadPool.PendingWorkItemCount);
        Counter(
            "dotnet_threadpool_completed_items_total",
            "Work items the pool has completed.",
            () => ThreadPool.CompletedWorkItemCount);
        Gauge("dotnet_timers", "Timers waiting to fire.", () => Timer.ActiveCount);
        Counter(
            "dotnet_monitor_lock_contentions_total",
            "Times a thread waited for a monitor.",
            () => Monitor.LockContentionCount);
        Counter(
            "dotnet_exceptions_total",
            "Exceptions thrown since the first meter was made.",
            () => Interlocked.Read(ref _exceptions));
    }
}
