using System.CommandLine;
using System.Globalization;
using Nori.IO;
using NoriKV.Cli.Bench;
using NoriKV.Cli.Console;
using NoriKV.Client;

namespace NoriKV.Cli.Commands;

/// <summary><c>norikv bench</c>: load a node and measure it.</summary>
internal static class BenchCommand
{
    public static Command Create(CliHost host, Option<bool> json)
    {
        var command = new ExampleCommand(
            "bench",
            "Put load on a node and print throughput and latencies, with what the disk's own sync costs beside.",
            "norikv bench",
            "norikv bench --mix get=95,put=5 --load --distribution zipfian --duration 30s",
            "norikv bench --mix put=100 --value-size 1k --concurrency 256",
            "norikv bench --rate 5000 --concurrency 512 --json");
        ClientOptions client = ClientOptions.AddTo(command);
        BenchArguments arguments = BenchArguments.AddTo(command);
        command.SetAction(async (parse, token) =>
        {
            BenchOptions options = arguments.Read(parse);
            string directory = Path.GetFullPath(arguments.SyncDirectory(parse));
            if (!Directory.Exists(directory)) throw new UsageException($"--sync-dir: there is no directory {directory}");
            bool asJson = parse.GetValue(json);
            LatencyHistogram sync = SyncProbe.Measure(
                DiskFileSystem.Instance, directory, TimeSpan.FromSeconds(1), host.Time);
            INoriKV store = await client.ConnectAsync(
                parse,
                host,
                token,
                o => o with
                {
                    InFlightMax = Math.Max(o.InFlightMax, options.Concurrency),
                    StreamsPerNode = arguments.Streams(parse),
                }).ConfigureAwait(false);
            await using (store.ConfigureAwait(false))
            {
                var engine = new BenchEngine(store, options, host.Time)
                {
                    OnProgress = (count, at) =>
                    {
                        if (host.ErrorIsTerminal && !asJson) host.Error.Write(Progress(count, at));
                    },
                };
                if (options.Load) await engine.LoadAsync(token).ConfigureAwait(false);
                BenchReport report = await engine.RunAsync(token).ConfigureAwait(false);
                if (host.ErrorIsTerminal && !asJson) host.Error.Write("\r" + new string(' ', 60) + "\r");
                host.WriteLine(asJson
                    ? BenchPrinter.Json(report, options, sync, directory)
                    : BenchPrinter.Text(report, options, sync, directory).TrimEnd('\n'));
                return report.Exit;
            }
        });
        return command;
    }

    private static string Progress(long count, TimeSpan at) => string.Create(
        CultureInfo.InvariantCulture, $"\r{at.TotalSeconds,5:0} s  {count:N0} operations, {count / at.TotalSeconds:N0}/s   ");
}
