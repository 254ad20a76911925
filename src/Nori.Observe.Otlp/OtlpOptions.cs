using System.Net.Security;

namespace Nori.Observe.Otlp;

/// <summary>Where and how an <see cref="OtlpExporter"/> sends.</summary>
public sealed record OtlpOptions
{
    // Behaviour.

    /// <summary>The collector: <c>http://host:4317</c>, or <c>https</c>; over HTTP with a path where it has one.</summary>
    public required Uri Endpoint { get; init; }

    /// <summary>How it is spoken to.</summary>
    /// <value>Default: gRPC.</value>
    public OtlpProtocol Protocol { get; init; } = OtlpProtocol.Grpc;

    /// <summary>Sent with every request, for example a token.</summary>
    /// <value>Default: none.</value>
    public IReadOnlyList<KeyValuePair<string, string>> Headers { get; init; } = [];

    /// <summary>What is described, as resource attributes: <c>service.name</c> and the like.</summary>
    /// <value>Default: none.</value>
    public IReadOnlyList<Label> Resource { get; init; } = [];

    /// <summary>Trust and client certificates for <c>https</c>; null for the system's defaults.</summary>
    public SslClientAuthenticationOptions? Tls { get; init; }

    // Performance.

    /// <summary>Time between two exports of all metrics.</summary>
    /// <value>Default: 15 s.</value>
    public TimeSpan MetricInterval { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>The longest a span waits for others to travel with.</summary>
    /// <value>Default: 2 s.</value>
    public TimeSpan SpanInterval { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>Time for one request.</summary>
    /// <value>Default: 10 s.</value>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Spans that wait at most; one more is dropped and counted.</summary>
    /// <value>Default: 2,048.</value>
    public int QueueSpansMax { get; init; } = 2048;

    /// <summary>Spans of one request.</summary>
    /// <value>Default: 512.</value>
    public int BatchSpansMax { get; init; } = 512;

    /// <summary>How often spans are sent again after a failure that may pass; then they are dropped and counted.</summary>
    /// <value>Default: 5.</value>
    public int RetriesMax { get; init; } = 5;

    /// <summary>Wait before the first of them; it doubles each time, up to a minute.</summary>
    /// <value>Default: 1 s.</value>
    public TimeSpan RetryDelay { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>Everything that is wrong with these options; empty when they can be used.</summary>
    public IReadOnlyList<string> Validate()
    {
        List<string> problems = [];
        Check(Endpoint.IsAbsoluteUri && Endpoint.Scheme is "http" or "https", $"Endpoint '{Endpoint}' must be http://… or https://…");
        Check(MetricInterval > TimeSpan.Zero, "MetricInterval must be above 0");
        Check(SpanInterval > TimeSpan.Zero, "SpanInterval must be above 0");
        Check(Timeout > TimeSpan.Zero, "Timeout must be above 0");
        Check(BatchSpansMax >= 1 && QueueSpansMax >= BatchSpansMax, "QueueSpansMax must be at least BatchSpansMax, and that at least 1");
        Check(RetriesMax >= 0, "RetriesMax must not be negative");
        Check(RetryDelay > TimeSpan.Zero, "RetryDelay must be above 0");
        return problems;

        void Check(bool holds, string problem)
        {
            if (!holds) problems.Add(problem);
        }
    }
}
