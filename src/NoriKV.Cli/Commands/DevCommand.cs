using System.CommandLine;
using System.Net;
using System.Net.Sockets;
using System.Text.RegularExpressions;
using NoriKV.Cli.Console;
using NoriKV.Cli.Dev;
using NoriKV.Server;

namespace NoriKV.Cli.Commands;

/// <summary><c>norikv dev</c>: a node to try things on.</summary>
internal static class DevCommand
{
    private const int NodesMax = 9;

    // What dev gives each node itself.
    private static readonly string[] OfEachNode =
        ["node-id", "rpc-addr", "http-addr", "advertise-addr", "data-dir", "seed-nodes", "bootstrap-expect"];

    public static Command Create(CliHost host, Option<bool> json)
    {
        var command = new ExampleCommand(
            "dev",
            "Run a node, or a cluster of several, on loopback to try things on: data in a temporary directory "
            + "unless one is named, the usual ports "
            + "where they are free. Takes every flag of server.",
            "norikv dev",
            "norikv dev --nodes 3",
            "norikv dev --data-dir ./data",
            "norikv dev --rpc-addr 127.0.0.1:0 --http-addr 127.0.0.1:0");
        var nodes = new Option<int>("--nodes")
        {
            Description = "Nodes to run, each in a process of its own; they form a cluster",
            DefaultValueFactory = static _ => 1,
        };
        command.Options.Add(nodes);
        ServerFlags flags = ServerFlags.AddTo(command);
        command.SetAction(async (parse, token) =>
        {
            int count = parse.GetValue(nodes);
            if (count is < 1 or > NodesMax) throw new UsageException($"--nodes must be 1 to {NodesMax}");
            string? file = flags.File(parse, null, host);
            ServerOptions options = flags.Load(parse, file, host) with { Json = parse.GetValue(json) };
            string yaml = file is null ? "" : await File.ReadAllTextAsync(file, token).ConfigureAwait(false);
            var given = new Given(parse, flags, host, yaml);
            if (count == 1 && !given.Has("rpc-addr", "grpc-addr"))
                options = options with { RpcAddress = FreeOnLoopback(options.RpcAddress.Port) };
            if (count == 1 && !given.Has("http-addr"))
                options = options with { HttpAddress = FreeOnLoopback(options.HttpAddress.Port) };
            bool temporary = !given.Has("data-dir");
            if (temporary)
            {
                options = options with { DataDirectory = Directory.CreateTempSubdirectory("norikv-dev-").FullName };
            }

            DevCluster? cluster = count == 1
                ? null
                : new DevCluster(host, count, options, flags.PassedOn(parse, file, OfEachNode), temporary);
            try
            {
                return cluster is null
                    ? await RunAsync(host, options, temporary, token).ConfigureAwait(false)
                    : await cluster.RunAsync(token).ConfigureAwait(false);
            }
            finally
            {
                if (temporary && cluster?.KeepsData != true) Directory.Delete(options.DataDirectory, recursive: true);
            }
        });
        return command;
    }

    private static async Task<int> RunAsync(
        CliHost host, ServerOptions options, bool temporary, CancellationToken cancellationToken)
    {
        var output = new StreamWriter(host.Output, leaveOpen: true) { AutoFlush = true };
        await using (output.ConfigureAwait(false))
        {
            var parts = new ServerParts
            {
                OnReady = server =>
                {
                    if (!options.Json) output.Write(Hints(host, server, temporary));
                },
            };
            return await ServerHost.RunAsync(options, output, parts, cancellationToken).ConfigureAwait(false);
        }
    }

    private static string Hints(CliHost host, RunningServer server, bool temporary)
    {
        string norikv = host.Environment("NORI_LAUNCHER") ?? "norikv";
        string address = server.RpcEndPoint.Port == 7447 ? "" : $" --addr {server.RpcEndPoint}";
        string data = temporary
            ? "The data is temporary and is deleted when this ends; keep it with --data-dir DIR."
            : $"The data stays in {server.Options.DataDirectory}.";
        return $"""

            {data} Ctrl-C ends it.
            Try, in another terminal:
              curl -X PUT --data-binary hello http://{server.HttpEndPoint}/kv/greeting
              curl http://{server.HttpEndPoint}/kv/greeting
              {norikv} get greeting{address}

            """;
    }

    // The usual port where it is free, else any: whoever has the usual one may keep it.
    private static HostPort FreeOnLoopback(int port)
    {
        using var probe = new TcpListener(IPAddress.Loopback, port);
        try
        {
            probe.Start();
            return new HostPort("127.0.0.1", port);
        }
        catch (SocketException)
        {
            return new HostPort("127.0.0.1", 0);
        }
    }

    /// <summary>Whether a setting was made anywhere, so that dev's own default does not apply.</summary>
    private sealed class Given(ParseResult parse, ServerFlags flags, CliHost host, string yaml)
    {
        public bool Has(string flag, params string[] aliases) =>
            flags.Has(parse, flag)
            || aliases.Prepend(flag).Any(name => host.Environment(Setting.VariableOf(name)) is not null)
            || Regex.IsMatch(yaml, $@"^{flag.Replace('-', '_')}\s*:", RegexOptions.Multiline);
    }
}
