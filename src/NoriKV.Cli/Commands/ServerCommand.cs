using System.CommandLine;
using NoriKV.Cli.Console;
using NoriKV.Server;

namespace NoriKV.Cli.Commands;

/// <summary><c>norikv server</c>: a node, until SIGTERM.</summary>
internal static class ServerCommand
{
    public static Command Create(CliHost host, Option<bool> json)
    {
        var command = new ExampleCommand(
            "server",
            "Run a node until SIGTERM or SIGINT. Settings come from defaults, the file, NORIKV_… variables and flags, "
            + "later ones winning. Prints one line once it serves.",
            "norikv server --data-dir /var/lib/norikv",
            "norikv server config.yaml",
            "norikv server --rpc-addr 127.0.0.1:0 --http-addr 127.0.0.1:0 --json",
            "NORIKV_WAL_SYNC=always norikv server");
        var file = new Argument<string?>("config")
        {
            Description = "The configuration file (YAML)",
            Arity = ArgumentArity.ZeroOrOne,
        };
        command.Arguments.Add(file);
        var withParent = new Option<bool>("--with-parent")
        {
            Description = "End when standard input does",
            Hidden = true,
        };
        command.Options.Add(withParent);
        ServerFlags flags = ServerFlags.AddTo(command);
        command.SetAction(async (parse, token) =>
        {
            ServerOptions options = flags.Load(parse, flags.File(parse, parse.GetValue(file), host), host) with
            {
                Json = parse.GetValue(json),
            };
            var output = new StreamWriter(host.Output, leaveOpen: true);
            await using (output.ConfigureAwait(false))
            {
                if (!parse.GetValue(withParent)) return await ServerHost.RunAsync(options, output, token).ConfigureAwait(false);
                using var stop = CancellationTokenSource.CreateLinkedTokenSource(token);
                _ = StopWithParentAsync(host.Input, stop);
                return await ServerHost.RunAsync(options, output, stop.Token).ConfigureAwait(false);
            }
        });
        return command;
    }

    // Whoever holds the other end of the pipe is gone, or wants this node to go.
    private static async Task StopWithParentAsync(Stream input, CancellationTokenSource stop)
    {
        byte[] ignored = new byte[64];
        try
        {
            while (await input.ReadAsync(ignored, stop.Token).ConfigureAwait(false) > 0)
            {
            }

            await stop.CancelAsync().ConfigureAwait(false);
        }
        catch (Exception ended) when (ended is OperationCanceledException or ObjectDisposedException or IOException)
        {
            // The server stops already.
        }
    }
}
