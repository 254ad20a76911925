using System.Net.Security;

namespace Nori.Grpc;

/// <summary>How a <see cref="GrpcChannel"/> connects and what it accepts.</summary>
public sealed record GrpcChannelOptions
{
    /// <summary>
    /// Where the server is: <c>http://host:port</c> for plaintext, <c>https://host:port</c> for TLS.
    /// </summary>
    public required Uri Address { get; init; }

    // Behaviour.

    /// <summary>
    /// Trust, client certificates and the like for <c>https</c>; read at each new connection, so that a certificate that is put
    /// there later is shown from then on. Null: the system's defaults.
    /// </summary>
    public SslClientAuthenticationOptions? Tls { get; init; }

    /// <summary>How long connecting may take.</summary>
    /// <value>Default: 5 s.</value>
    public TimeSpan ConnectTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>A connection that was silent for this long is pinged. Infinite: never.</summary>
    /// <value>Default: 30 s.</value>
    public TimeSpan KeepAlivePingDelay { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>A connection that does not answer a ping for this long is closed.</summary>
    /// <value>Default: 10 s.</value>
    public TimeSpan KeepAlivePingTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>
    /// The longest message accepted, in bytes; a longer one ends the call with RESOURCE_EXHAUSTED.
    /// </summary>
    /// <value>Default: 4 MiB.</value>
    public int MaxReceiveMessageBytes { get; init; } = 4 * 1024 * 1024;

    /// <summary>Sent as <c>user-agent</c>.</summary>
    public string UserAgent { get; init; } = "nori-grpc/0.1";

    /// <summary>The clock of deadlines.</summary>
    public TimeProvider TimeProvider { get; init; } = TimeProvider.System;

    // Performance.

    /// <summary>
    /// Whether to open further connections when the server's limit of calls on one is reached.
    /// </summary>
    /// <value>Default: false, further calls wait for their turn.</value>
    public bool EnableMultipleHttp2Connections { get; init; }

    /// <summary>Bytes a server may send on one call before they are read; 64 KiB to 16 MiB.</summary>
    /// <value>Default: 1 MiB.</value>
    public int StreamWindowBytes { get; init; } = 1024 * 1024;

    /// <summary>Every problem with these options; empty when they can be used.</summary>
    public IReadOnlyList<string> Validate()
    {
        var problems = new List<string>();
        if (!Address.IsAbsoluteUri || (Address.Scheme != Uri.UriSchemeHttp && Address.Scheme != Uri.UriSchemeHttps))
            problems.Add($"{nameof(Address)} must be http://host:port or https://host:port, not '{Address}'.");
        if (ConnectTimeout <= TimeSpan.Zero) problems.Add($"{nameof(ConnectTimeout)} must be positive.");
        if (KeepAlivePingDelay != Timeout.InfiniteTimeSpan && KeepAlivePingDelay < TimeSpan.FromSeconds(1))
            problems.Add($"{nameof(KeepAlivePingDelay)} must be at least 1 s.");
        if (KeepAlivePingTimeout < TimeSpan.FromSeconds(1))
            problems.Add($"{nameof(KeepAlivePingTimeout)} must be at least 1 s.");
        if (MaxReceiveMessageBytes <= 0) problems.Add($"{nameof(MaxReceiveMessageBytes)} must be positive.");
        if (StreamWindowBytes is < 65_535 or > 16 * 1024 * 1024)
            problems.Add($"{nameof(StreamWindowBytes)} must be between 64 KiB and 16 MiB.");
        return problems;
    }
}
