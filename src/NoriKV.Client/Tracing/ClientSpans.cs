using System.Diagnostics;
using System.Globalization;
using NoriKV.Types;

namespace NoriKV.Client.Tracing;

/// <summary>
/// The client's side of a trace: a span (an <see cref="Activity"/>) for each operation, from its call to its end, with an event for
/// each attempt, hedge and failure. Where nobody listens, an operation runs as if this were not here and allocates nothing for it.
/// </summary>
/// <remarks>Names are those of OpenTelemetry's semantic conventions for database clients. Never a key or a value in them.</remarks>
internal static class ClientSpans
{
    public const string SourceName = "NoriKV.Client";
    public const string AttemptEvent = "norikv.attempt";
    public const string FailureEvent = "norikv.attempt_failed";

    private const string DatabaseSystem = "norikv";

    private static readonly ActivitySource Source = new(SourceName, "0.1");

    /// <summary>
    /// What goes to the node as <c>traceparent</c>: the operation's span, or whatever the caller works on where nobody listens to us;
    /// null for nothing.
    /// </summary>
    public static string? Context => ContextOf(Activity.Current);

    /// <summary>What goes along as <c>tracestate</c>: vendors' own words on the trace; null for nothing.</summary>
    public static string? State => StateOf(Activity.Current);

    /// <summary>Runs an operation inside its span.</summary>
    /// <param name="operation">Its name: <c>put</c>.</param>
    /// <param name="batchSize">How many operations it consists of; 0 for one.</param>
    /// <param name="state">What <paramref name="run"/> gets, so that it captures nothing.</param>
    /// <param name="run">The operation.</param>
    public static ValueTask<TResult> RunAsync<TState, TResult>(
        string operation, int batchSize, TState state, Func<TState, ValueTask<TResult>> run) =>
        Source.HasListeners() ? TracedAsync(operation, batchSize, state, run) : run(state);

    /// <summary>
    /// Begins the span of an operation whose caller drives it in pieces; it is not the current one in between. Null where nobody listens.
    /// </summary>
    public static Activity? BeginApart(string operation)
    {
        if (!Source.HasListeners()) return null;
        Activity? before = Activity.Current;
        Activity? span = Begin(operation, 0);
        Activity.Current = before;
        return span;
    }

    /// <summary>As <see cref="Context"/>, of an operation whose span stands apart.</summary>
    public static string? ContextOf(Activity? span) => span is { IdFormat: ActivityIdFormat.W3C } ? span.Id : null;

    /// <summary>As <see cref="State"/>, of an operation whose span stands apart.</summary>
    public static string? StateOf(Activity? span) => span is { IdFormat: ActivityIdFormat.W3C } ? span.TraceStateString : null;

    /// <summary>A node is asked. Hot path: one look at who is current where nobody listens.</summary>
    public static void Attempt(string address, bool isHedge) => Attempt(Own(), address, isHedge);

    /// <summary>A node is asked, for an operation whose span stands apart.</summary>
    public static void Attempt(Activity? span, string address, bool isHedge)
    {
        if (span is not { IsAllDataRequested: true }) return;
        ActivityTagsCollection tags = Server(address);
        // The last one that was asked stands for all: which the others were is in the events.
        foreach ((string name, object? value) in tags) span.SetTag(name, value);
        if (isHedge) tags["norikv.hedge"] = true;
        span.AddEvent(new ActivityEvent(AttemptEvent, tags: tags));
    }

    /// <summary>An attempt came to nothing.</summary>
    public static void Failed(string address, KvCode code) => Failed(Own(), address, code);

    /// <summary>An attempt came to nothing, for an operation whose span stands apart.</summary>
    public static void Failed(Activity? span, string address, KvCode code)
    {
        if (span is not { IsAllDataRequested: true }) return;
        ActivityTagsCollection tags = Server(address);
        tags["error.type"] = code.ToWire();
        span.AddEvent(new ActivityEvent(FailureEvent, tags: tags));
    }

    /// <summary>The operation failed.</summary>
    public static void End(Activity? span, Exception failure)
    {
        if (span is null) return;
        string type = failure switch
        {
            NoriKVException known => known.Code.ToWire(),
            OperationCanceledException => KvCode.Cancelled.ToWire(),
            _ => failure.GetType().FullName!,
        };
        span.SetTag("error.type", type);
        if (failure is NoriKVException) span.SetTag("db.response.status_code", type);
        // Its message may name an address and never a key; what an exception of another kind says is not ours to spread.
        span.SetStatus(ActivityStatusCode.Error, failure is NoriKVException ? failure.Message : null);
    }

    private static async ValueTask<TResult> TracedAsync<TState, TResult>(
        string operation, int batchSize, TState state, Func<TState, ValueTask<TResult>> run)
    {
        using Activity? span = Begin(operation, batchSize);
        try
        {
            return await run(state).ConfigureAwait(false);
        }
        catch (Exception failure)
        {
            End(span, failure);
            throw;
        }
    }

    private static Activity? Begin(string operation, int batchSize)
    {
        Activity? span = Source.StartActivity(operation, ActivityKind.Client);
        if (span is not { IsAllDataRequested: true }) return span;
        span.SetTag("db.system.name", DatabaseSystem);
        span.SetTag("db.operation.name", operation);
        if (batchSize > 0) span.SetTag("db.operation.batch.size", batchSize);
        return span;
    }

    private static Activity? Own() => Activity.Current is { } current && ReferenceEquals(current.Source, Source) ? current : null;

    private static ActivityTagsCollection Server(string address)
    {
        int colon = address.LastIndexOf(':');
        var tags = new ActivityTagsCollection { ["server.address"] = address[..colon].Trim('[', ']') };
        if (int.TryParse(address.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out int port))
            tags["server.port"] = port;
        return tags;
    }
}
