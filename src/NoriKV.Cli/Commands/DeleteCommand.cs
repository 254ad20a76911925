using System.CommandLine;
using NoriKV.Cli.Console;
using NoriKV.Client;
using NoriKV.Types;

namespace NoriKV.Cli.Commands;

/// <summary><c>norikv delete KEY</c>.</summary>
internal static class DeleteCommand
{
    public static Command Create(CliHost host, Option<bool> json)
    {
        var command = new ExampleCommand(
            "delete",
            "Remove a key. A key that was not there exits with 1.",
            "norikv delete user:1",
            "norikv delete user:1 --if-match 1.42");
        ClientOptions client = ClientOptions.AddTo(command);
        KeyArgument key = KeyArgument.AddTo(command);
        WriteConditions conditions = WriteConditions.AddTo(command);
        command.SetAction(async (parse, token) =>
        {
            byte[] name = key.Read(parse);
            var options = new DeleteOptions
            {
                IfMatch = conditions.IfMatch(parse),
                IdempotencyKey = conditions.IdempotencyKey(parse),
            };
            INoriKV store = await client.ConnectAsync(parse, host, token).ConfigureAwait(false);
            await using (store.ConfigureAwait(false))
            {
                DeleteResult result = await store.DeleteAsync(name, options, token).ConfigureAwait(false);
                if (parse.GetValue(json))
                {
                    host.WriteLine(JsonOutput.Line(w =>
                    {
                        w.WriteBytes("key", name);
                        w.WriteBoolean("existed", result.Tombstoned);
                        w.WriteString("version", result.Version.ToString());
                    }));
                }
                else if (result.Tombstoned)
                {
                    host.WriteLine("deleted");
                }
                else
                {
                    host.Error.WriteLine("norikv: there is no such key");
                }

                return result.Tombstoned ? ExitCode.Ok : ExitCode.No;
            }
        });
        return command;
    }
}
