using System.CommandLine;
using System.Security.Cryptography.X509Certificates;
using NoriKV.Cli.Cluster;
using NoriKV.Cli.Console;
using NoriKV.Client;

namespace NoriKV.Cli.Commands;

/// <summary>The options of every command that talks to nodes.</summary>
internal sealed class ClientOptions
{
    private readonly Option<string?> _address = new("--addr", "-a")
    {
        Description = "host:port of one or more nodes, separated by commas; NORIKV_ADDR otherwise [default: localhost:7447]",
        HelpName = "host:port,…",
    };

    private readonly Option<string> _timeout = new("--timeout")
    {
        Description = "How long one operation may take, retries included: 500ms, 10s, 5m",
        DefaultValueFactory = static _ => "10s",
        HelpName = "duration",
    };

    private readonly Option<bool> _tls = new("--tls") { Description = "Speak TLS" };

    private readonly Option<string?> _ca = new("--tls-ca")
    {
        Description = "PEM file of the certificates that sign the nodes' ones; implies --tls",
        HelpName = "file",
    };

    private readonly Option<string?> _certificate = new("--tls-cert")
    {
        Description = "PEM file of this client's certificate and its intermediates, leaf first; implies --tls",
        HelpName = "file",
    };

    private readonly Option<string?> _key = new("--tls-key")
    {
        Description = "PEM file of this client's private key",
        HelpName = "file",
    };

    private readonly Option<string?> _secret = new("--peer-secret-file")
    {
        Description = "File with the cluster's peer secret, for a machine without a node; NORIKV_CLUSTER_PEER_SECRET otherwise",
        HelpName = "file",
    };

    /// <summary>Adds them to a command.</summary>
    public static ClientOptions AddTo(Command command)
    {
        var options = new ClientOptions();
        foreach (Option option in (Option[])
            [options._address, options._timeout, options._tls, options._ca, options._certificate, options._key])
        {
            command.Options.Add(option);
        }

        return options;
    }

    /// <summary>The same for a command of operators, which may prove itself by the cluster's secret.</summary>
    public static ClientOptions AddOperatorsTo(Command command)
    {
        ClientOptions options = AddTo(command);
        command.Options.Add(options._secret);
        return options;
    }

    /// <summary>Makes the connection for operators that the command line asks for.</summary>
    public IClusterCalls ConnectCluster(ParseResult parse, CliHost host)
    {
        NoriKVClientOptions options = Validated(parse, host, null);
        return host.ConnectCluster(new ClusterTarget(options.Addresses, options.Deadline, options.Tls, Secret(parse, host), host.Time));
    }

    /// <summary>Makes the client that the command line asks for.</summary>
    public async Task<INoriKV> ConnectAsync(
        ParseResult parse,
        CliHost host,
        CancellationToken cancellationToken,
        Func<NoriKVClientOptions, NoriKVClientOptions>? adjust = null) =>
        host.Connect(await ReadAsync(parse, host, cancellationToken, adjust).ConfigureAwait(false));

    /// <summary>What a client is made with; looks whether anybody listens there.</summary>
    public async Task<NoriKVClientOptions> ReadAsync(
        ParseResult parse,
        CliHost host,
        CancellationToken cancellationToken,
        Func<NoriKVClientOptions, NoriKVClientOptions>? adjust = null)
    {
        NoriKVClientOptions options = Validated(parse, host, adjust);
        if (host.ProbesNodes)
        {
            TimeSpan limit = options.ConnectTimeout < options.Deadline ? options.ConnectTimeout : options.Deadline;
            await NodeProbe.CheckAsync(options.Addresses, limit, host.Time, cancellationToken).ConfigureAwait(false);
        }

        return options;
    }

    private NoriKVClientOptions Validated(
        ParseResult parse, CliHost host, Func<NoriKVClientOptions, NoriKVClientOptions>? adjust)
    {
        string addresses = parse.GetValue(_address) ?? host.Environment("NORIKV_ADDR") ?? "localhost:7447";
        var options = new NoriKVClientOptions
        {
            Addresses = addresses.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries),
            Deadline = Durations.TryParse(parse.GetValue(_timeout)!, out TimeSpan span) && span > TimeSpan.Zero
                ? span
                : throw new UsageException($"--timeout {parse.GetValue(_timeout)} is no duration: 500ms, 10s, 5m, 1h"),
            Tls = Tls(parse),
            Time = host.Time,
        };
        if (adjust is not null) options = adjust(options);
        IReadOnlyList<string> problems = options.Validate();
        return problems.Count == 0 ? options : throw new UsageException(string.Join("; ", problems));
    }

    // A secret on the command line would stand in every list of processes.
    private string? Secret(ParseResult parse, CliHost host)
    {
        string? secret = parse.GetValue(_secret) is { } file
            ? File.ReadAllText(file).Trim()
            : host.Environment("NORIKV_CLUSTER_PEER_SECRET");
        return string.IsNullOrEmpty(secret) ? null : secret;
    }

    private ClientTlsOptions? Tls(ParseResult parse)
    {
        string? ca = parse.GetValue(_ca), certificate = parse.GetValue(_certificate), key = parse.GetValue(_key);
        if (!parse.GetValue(_tls) && ca is null && certificate is null) return null;
        if (certificate is null != key is null) throw new UsageException("--tls-cert and --tls-key belong together");
        var roots = new X509Certificate2Collection();
        if (ca is not null) roots.ImportFromPemFile(ca);
        var shown = new X509Certificate2Collection();
        if (certificate is not null) shown.ImportFromPemFile(certificate);
        return new ClientTlsOptions
        {
            TrustedRoots = ca is null ? null : roots,
            ClientCertificate = certificate is null ? null : X509Certificate2.CreateFromPemFile(certificate, key),
            ClientCertificateChain = shown,
        };
    }
}
