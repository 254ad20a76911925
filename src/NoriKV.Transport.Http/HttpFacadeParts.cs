using Nori.Observe;
using Nori.Observe.Prometheus;
using NoriKV.Node;
using NoriKV.Transport.Http.Live;

namespace NoriKV.Transport.Http;

/// <summary>What the façade stands on.</summary>
public sealed record HttpFacadeParts
{
    /// <summary>The node it shows.</summary>
    public required INoriNode Node { get; init; }

    /// <summary>What operators ask of it; null where it is not operated as part of a cluster (404 then).</summary>
    public INodeOperations? Operations { get; init; }

    /// <summary>The bounds.</summary>
    public HttpFacadeOptions Options { get; init; } = new();

    /// <summary>Asked on every route.</summary>
    public IAuthorizer Authorizer { get; init; } = AllowAllAuthorizer.Instance;

    /// <summary>Where requests are counted.</summary>
    public IMeter Meter { get; init; } = NullMeter.Instance;

    /// <summary>Traces requests; null for no traces.</summary>
    public Tracer? Tracer { get; init; }

    /// <summary>The levels of the log that PUT /log changes; null where nobody can (404 then).</summary>
    public ILogLevels? LogLevels { get; init; }

    /// <summary>What /metrics writes; null when the exporter is off (404 then).</summary>
    public PrometheusMeter? Metrics { get; init; }

    /// <summary>The events of /events; null when none are kept (404 then).</summary>
    public EventRing? Events { get; init; }

    /// <summary>What /live shows; gives null while there is nothing to show (503 then).</summary>
    public Func<ILiveFeed?> Live { get; init; } = static () => null;

    /// <summary>Cancelled when the server stops: streams end then instead of holding it up.</summary>
    public CancellationToken Stopping { get; init; }

    /// <summary>The clock of deadlines.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>Told of an exception that no code expected, with the route; must not throw.</summary>
    public Action<string, Exception>? OnUnexpected { get; init; }
}
