using Nori.Core;

namespace NoriKV.Client;

/// <summary>How a client reaches a cluster and how long it tries.</summary>
public sealed record NoriKVClientOptions
{
    // Behaviour

    /// <summary>
    /// host:port of one or more nodes; the others are learned. <value>Those that the environment's NORIKV_ADDR names, separated by
    /// commas; else localhost:7447.</value>
    /// </summary>
    public IReadOnlyList<string> Addresses { get; init; } = DefaultAddresses();

    /// <summary>How long one operation may take, retries included; infinite for no limit. <value>10 s</value></summary>
    public TimeSpan Deadline { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>When and how often to try again.</summary>
    public RetryPolicy Retry { get; init; } = new();

    /// <summary>TLS towards the nodes; null for plaintext.</summary>
    public ClientTlsOptions? Tls { get; init; }

    /// <summary>
    /// The id of the cluster to talk to. Where a node of another one answers, nothing is sent to it, and where there is no
    /// other node, operations fail with FAILED_PRECONDITION. <value>Null: the cluster that is seen first.</value>
    /// </summary>
    public string? ClusterId { get; init; }

    /// <summary>
    /// How long a node may say nothing while calls wait before it is asked whether it lives; without an answer in the same
    /// time again, its calls go elsewhere. Infinite: they wait until their deadline. <value>1.5 s</value>
    /// </summary>
    public TimeSpan SilenceMax { get; init; } = TimeSpan.FromSeconds(1.5);

    /// <summary>
    /// Send a read to a second node, too, when the first one has not answered for so long; the first answer counts.
    /// <value>Null: never.</value>
    /// </summary>
    public TimeSpan? HedgeReadsAfter { get; init; }

    /// <summary>Most reads that are sent twice, as a share of all. <value>0.05</value></summary>
    public double HedgeShareMax { get; init; } = 0.05;

    /// <summary>Route each key to its leader by the watched cluster view. <value>true</value></summary>
    public bool SmartRouting { get; init; } = true;

    // Performance

    /// <summary>Most operations in flight of this client; more wait for a place. <value>1,024</value></summary>
    public int InFlightMax { get; init; } = 1024;

    /// <summary>Pipelined streams, each on a connection of its own, to one node. <value>1</value></summary>
    public int StreamsPerNode { get; init; } = 1;

    /// <summary>
    /// Most bytes of operations gathered into one message; one larger than this goes alone. <value>256 KiB</value>
    /// </summary>
    public int MessageBytesMax { get; init; } = 256 << 10;

    /// <summary>Most bytes of one message from a node. <value>64 MiB</value></summary>
    public int InboundMessageBytesMax { get; init; } = 64 << 20;

    /// <summary>How often an idle connection is pinged. <value>20 s</value></summary>
    public TimeSpan KeepAlive { get; init; } = TimeSpan.FromSeconds(20);

    /// <summary>How long to wait for a connection. <value>3 s</value></summary>
    public TimeSpan ConnectTimeout { get; init; } = TimeSpan.FromSeconds(3);

    /// <summary>Nodes forgotten by the view are let go once there are more than this. <value>256</value></summary>
    public int NodesMax { get; init; } = 256;

    // For tests

    /// <summary>The clock.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>Seed of jitter, and of nothing else; null for a fresh one.</summary>
    public ulong? Seed { get; init; }

    /// <summary>Every problem of these options; empty when they can be used.</summary>
    public IReadOnlyList<string> Validate()
    {
        var problems = new List<string>();
        if (Addresses.Count == 0) problems.Add("Addresses is empty: name at least one node as host:port");
        foreach (string address in Addresses)
        {
            if (!NodeAddress.IsValid(address)) problems.Add($"address '{address}' is not host:port");
        }

        if (Deadline <= TimeSpan.Zero && Deadline != Timeout.InfiniteTimeSpan) problems.Add("Deadline must be positive");
        if (ClusterId is "") problems.Add("ClusterId must not be empty: leave it null for any cluster");
        if (SilenceMax < TimeSpan.FromMilliseconds(100) && SilenceMax != Timeout.InfiniteTimeSpan)
            problems.Add("SilenceMax must be at least 100 ms");
        if (HedgeReadsAfter <= TimeSpan.Zero) problems.Add("HedgeReadsAfter must be positive, or null for never");
        if (!(HedgeShareMax is >= 0 and <= 1)) problems.Add("HedgeShareMax must be 0 to 1");
        if (InFlightMax is < 1 or > 1 << 20) problems.Add("InFlightMax must be 1 to 1,048,576");
        if (StreamsPerNode is < 1 or > 64) problems.Add("StreamsPerNode must be 1 to 64");
        if (MessageBytesMax is < 1024 or > 2 << 20) problems.Add("MessageBytesMax must be 1 KiB to 2 MiB");
        if (InboundMessageBytesMax < 4 << 20) problems.Add("InboundMessageBytesMax must be at least 4 MiB");
        if (KeepAlive < TimeSpan.FromSeconds(1)) problems.Add("KeepAlive must be at least 1 s");
        if (ConnectTimeout <= TimeSpan.Zero) problems.Add("ConnectTimeout must be positive");
        if (NodesMax < 1) problems.Add("NodesMax must be at least 1");
        problems.AddRange(Retry.Validate());
        return problems;
    }

    private static string[] DefaultAddresses() =>
        Environment.GetEnvironmentVariable("NORIKV_ADDR")?.Split(',', StringSplitOptions.RemoveEmptyEntries) is { Length: > 0 } named
            ? named
            : ["localhost:7447"];

    internal Prng NewPrng()
    {
        Span<byte> seed = stackalloc byte[sizeof(ulong)];
        System.Security.Cryptography.RandomNumberGenerator.Fill(seed);
        return new Prng(Seed ?? BitConverter.ToUInt64(seed));
    }
}
