using System.CommandLine;
using NoriKV.Cli.Chaos.Nodes;
using NoriKV.Cli.Console;
using NoriKV.Server;

namespace NoriKV.Cli.Commands;

/// <summary><c>norikv chaos-node</c>: a server whose disk and clock go wrong when its standard input says so.</summary>
internal static class ChaosNodeCommand
{
    public static Command Create(CliHost host, Option<bool> json)
    {
        var command = new ExampleCommand("chaos-node", "A node of norikv chaos: a server that takes orders to fail.") { Hidden = true };
        ServerFlags flags = ServerFlags.AddTo(command);
        command.SetAction(async (parse, token) =>
        {
            ServerOptions options = flags.Load(parse, flags.File(parse, null, host), host) with { Json = parse.GetValue(json) };
            var clock = new FaultyClock(TimeProvider.System);
            using var disk = new FaultyDisk(TimeProvider.System);
            using var stop = CancellationTokenSource.CreateLinkedTokenSource(token);
            _ = ObeyAsync(new FaultOrders(disk, clock), host, stop);
            var output = new StreamWriter(host.Output, leaveOpen: true);
            await using (output.ConfigureAwait(false))
            {
                var parts = new ServerParts { FileSystem = disk.Files, Time = clock };
                return await ServerHost.RunAsync(options, output, parts, stop.Token).ConfigureAwait(false);
            }
        });
        return command;
    }

    // The end of the orders is the end of whoever gave them.
    private static async Task ObeyAsync(FaultOrders orders, CliHost host, CancellationTokenSource stop)
    {
        using var input = new StreamReader(host.Input);
        try
        {
            await orders.ObeyAllAsync(input, host.Error).ConfigureAwait(false);
            await stop.CancelAsync().ConfigureAwait(false);
        }
        catch (Exception ended) when (ended is OperationCanceledException or ObjectDisposedException or IOException)
        {
            // The server stops already.
        }
    }
}
