using System.CommandLine;
using NoriKV.Cli.Console;
using NoriKV.Client;
using NoriKV.Types;

namespace NoriKV.Cli.Commands;

/// <summary><c>norikv get KEY</c>: the value's bytes, nothing else.</summary>
internal static class GetCommand
{
    public static Command Create(CliHost host, Option<bool> json)
    {
        var command = new ExampleCommand(
            "get",
            "Print the value of a key: its bytes, unchanged. A missing key prints nothing and exits with 1.",
            "norikv get user:1",
            "norikv get user:1 --json",
            "norikv get picture > picture.png",
            "norikv get user:1 --consistency stale_ok --addr node1:7447,node2:7447");
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
            if (!ConsistencyNames.TryParse(parse.GetValue(consistency)!, out Consistency fresh))
            {
                throw new UsageException(
                    $"unknown consistency '{parse.GetValue(consistency)}': linearizable, lease, bounded or stale_ok");
            }

            byte[] name = key.Read(parse);
            INoriKV store = await client.ConnectAsync(parse, host, token).ConfigureAwait(false);
            await using (store.ConfigureAwait(false))
            {
                GetResult result = await store.GetAsync(name, new ReadOptions { Consistency = fresh }, token)
                    .ConfigureAwait(false);
                Print(host, name, result, parse.GetValue(json));
                return result.Found ? ExitCode.Ok : ExitCode.No;
            }
        });
        return command;
    }

    private static void Print(CliHost host, byte[] key, GetResult result, bool json)
    {
        if (json)
        {
            host.WriteLine(JsonOutput.Line(w =>
            {
                w.WriteBytes("key", key);
                w.WriteBoolean("found", result.Found);
                if (!result.Found) return;
                w.WriteBytes("value", result.Value.Span);
                w.WriteString("version", result.Version.ToString());
            }));
            return;
        }

        if (!result.Found)
        {
            host.Error.WriteLine("norikv: there is no such key");
            return;
        }

        host.Output.Write(result.Value.Span);
        // A person's prompt begins on its own line; a pipe gets the bytes alone.
        if (host.OutputIsTerminal) host.Output.Write("\n"u8);
    }
}
