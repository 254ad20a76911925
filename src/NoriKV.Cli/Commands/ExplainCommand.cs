using System.CommandLine;
using System.Text;
using NoriKV.Cli.Console;
using NoriKV.Cli.Explain;
using NoriKV.Client;
using NoriKV.Node.Tracing;
using NoriKV.Types;

namespace NoriKV.Cli.Commands;

/// <summary><c>norikv explain put|get KEY</c>: does it, and says where it went and how long each stage took.</summary>
internal static class ExplainCommand
{
    public static Command Create(CliHost host, Option<bool> json)
    {
        var command = new ExampleCommand(
            "explain",
            "Do one operation and print where it went and how long each stage took: queue, log, fsync, peers, commit, apply. "
            + "The first node of --addr is asked; one that does not lead the key's shard forwards.",
            "norikv explain put user:1 Ada",
            "norikv explain get user:1",
            "norikv explain get user:1 --consistency lease --addr node2:7447 --json");
        command.Subcommands.Add(Put(host, json));
        command.Subcommands.Add(Get(host, json));
        return command;
    }

    private static ExampleCommand Put(CliHost host, Option<bool> json)
    {
        var command = new ExampleCommand(
            "put",
            "Write a key, and say where the write went. The value is stored as it is.",
            "norikv explain put user:1 Ada",
            "norikv explain put user:1 Ada --addr node2:7447 --json");
        ClientOptions client = ClientOptions.AddTo(command);
        KeyArgument key = KeyArgument.AddTo(command);
        var value = new Argument<string>("value") { Description = "The value as text" };
        command.Arguments.Add(value);
        command.SetAction(async (parse, token) =>
        {
            byte[] name = key.Read(parse), bytes = Encoding.UTF8.GetBytes(parse.GetValue(value)!);
            using var call = new ExplainCall(await client.ReadAsync(parse, host, token).ConfigureAwait(false));
            Explained explained = await call.PutAsync(name, bytes, token).ConfigureAwait(false);
            return Print(host, explained, parse.GetValue(json), $"version {explained.Version}");
        });
        return command;
    }

    private static ExampleCommand Get(CliHost host, Option<bool> json)
    {
        var command = new ExampleCommand(
            "get",
            "Read a key, and say where the read went. The value is not printed.",
            "norikv explain get user:1",
            "norikv explain get user:1 --consistency stale_ok");
        ClientOptions client = ClientOptions.AddTo(command);
        KeyArgument key = KeyArgument.AddTo(command);
        var consistency = new Option<string>("--consistency")
        {
            Description = "How fresh: linearizable, lease, bounded, stale_ok",
            DefaultValueFactory = static _ => "linearizable",
        };
        command.Options.Add(consistency);
        command.SetAction(async (parse, token) =>
        {
            byte[] name = key.Read(parse);
            using var call = new ExplainCall(await client.ReadAsync(parse, host, token).ConfigureAwait(false));
            Explained explained = await call.GetAsync(name, parse.GetValue(consistency)!, token).ConfigureAwait(false);
            string outcome = explained.Found ? $"version {explained.Version}, {explained.Bytes} bytes" : "there is no such key";
            return Print(host, explained, parse.GetValue(json), outcome);
        });
        return command;
    }

    private static int Print(CliHost host, Explained explained, bool json, string outcome)
    {
        RequestTrace trace = explained.Trace;
        TimeSpan way = explained.Took > trace.Total ? explained.Took - trace.Total : TimeSpan.Zero;
        if (json)
        {
            host.WriteLine(JsonOutput.Line(w =>
            {
                w.WriteBoolean("found", explained.Found);
                if (explained.Version.IsPresent) w.WriteString("version", explained.Version.ToString());
                w.WriteNumber("client_us", explained.Took.TotalMicroseconds);
                w.WritePropertyName("trace");
                RequestTraceJson.Write(w, trace);
            }));
        }
        else
        {
            host.Output.Write(Encoding.UTF8.GetBytes(TraceText.Table(trace)));
            host.WriteLine(
                $"{(explained.Error is null ? outcome : "failed")}; {Milliseconds(explained.Took)} ms as this command saw it, "
                + $"{Milliseconds(way)} of them on the way to the node and back");
        }

        return explained.Error is { } error ? throw NoriKVException.From(error) : explained.Found ? ExitCode.Ok : ExitCode.No;
    }

    private static string Milliseconds(TimeSpan span) =>
        span.TotalMilliseconds.ToString("0.000", System.Globalization.CultureInfo.InvariantCulture);
}
