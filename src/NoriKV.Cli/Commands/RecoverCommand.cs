using System.CommandLine;
using System.Net.Sockets;
using NoriKV.Cli.Cluster;
using NoriKV.Cli.Console;
using NoriKV.Node.Recovery;

namespace NoriKV.Cli.Commands;

/// <summary><c>norikv recover DATA_DIR…</c>: a cluster of what is left when a majority is lost for ever. Offline.</summary>
internal static class RecoverCommand
{
    /// <summary>A lost node that listens is not lost; one that does not within this is taken at its word.</summary>
    private static readonly TimeSpan ProbeMax = TimeSpan.FromSeconds(2);

    public static Command Create(CliHost host, Option<bool> json)
    {
        var command = new ExampleCommand(
            "recover",
            "When the majority of a shard or of the meta group is lost for ever: make a new cluster of the data directories that are left. "
            + "Stop their nodes, and copy the directories first. Without --apply nothing is changed, and it says what would be lost.",
            "norikv recover /var/lib/norikv",
            "norikv recover /var/lib/norikv --lost n2,n3 --apply",
            "norikv recover /mnt/n1 /mnt/n4 --json");
        var directories = new Argument<string[]>("DATA_DIR")
        {
            Description = "The data directories of all nodes that are left", Arity = ArgumentArity.OneOrMore,
        };
        var apply = new Option<bool>("--apply") { Description = "Do it" };
        var lost = new Option<string?>("--lost")
        {
            Description = "With --apply: the members that are given up, by name; they must never be started again", HelpName = "n2,n3",
        };
        var accept = new Option<bool>("--accept-lost-shards")
        {
            Description = "With --apply: begin shards empty of which no copy is left",
        };
        command.Arguments.Add(directories);
        foreach (Option option in (Option[])[apply, lost, accept]) command.Options.Add(option);
        command.SetAction(async (parse, token) =>
        {
            string[] paths = [.. parse.GetValue(directories)!.Select(Path.GetFullPath)];
            foreach (string path in paths.Where(static p => !Directory.Exists(p)))
                throw new UsageException($"there is no directory {path}");
            var print = new Printer(host, parse.GetValue(json));
            try
            {
                RecoveryPlan plan = await QuorumRecovery.PlanAsync(paths).ConfigureAwait(false);
                bool applies = parse.GetValue(apply);
                if (applies) await CheckAsync(plan, parse.GetValue(lost), parse.GetValue(accept), token).ConfigureAwait(false);
                if (applies) await QuorumRecovery.ApplyAsync(plan).ConfigureAwait(false);
                print.Json(w => RecoveryText.WriteJson(w, plan, applies));
                print.Lines(RecoveryText.Lines(plan, applies, paths));
                return ExitCode.Ok;
            }
            catch (RecoveryException refused)
            {
                throw new InvalidDataException(refused.Message, refused);
            }
        });
        return command;
    }

    private static async Task CheckAsync(RecoveryPlan plan, string? lost, bool acceptsLostShards, CancellationToken cancellationToken)
    {
        string[] named = [.. (lost ?? "").Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).Order()];
        string[] missing = [.. plan.Lost.Select(static l => l.Node).Order()];
        if (!named.SequenceEqual(missing))
        {
            throw new RecoveryException(
                $"The members without a directory here are {string.Join(", ", missing)}. If they are lost for ever, say so: "
                + $"--lost {string.Join(",", missing)}. If one of them is left, give its directory, too");
        }

        int gone = plan.Of(ShardVerdict.Gone).Count();
        if (gone > 0 && !acceptsLostShards)
        {
            throw new RecoveryException(
                $"Of {ClusterText.Count(gone, "shard")} no copy is left: their keys are lost, and they would begin empty. If that is so: "
                + "--accept-lost-shards");
        }

        foreach ((string node, string address) in plan.Lost)
        {
            if (address.Length == 0 || !await ListensAsync(address, cancellationToken).ConfigureAwait(false)) continue;
            throw new RecoveryException(
                $"Somebody listens at {address}, the address of {node}: it is not lost, and would go on with another history. Stop it, or "
                + "give its directory");
        }
    }

    private static async Task<bool> ListensAsync(string address, CancellationToken cancellationToken)
    {
        using var late = new CancellationTokenSource(ProbeMax);
        using var any = CancellationTokenSource.CreateLinkedTokenSource(late.Token, cancellationToken);
        int colon = address.LastIndexOf(':');
        try
        {
            using var tcp = new TcpClient();
            await tcp.ConnectAsync(address[..colon].Trim('[', ']'), int.Parse(address.AsSpan(colon + 1)), any.Token).ConfigureAwait(false);
            return true;
        }
        catch (Exception e) when (e is SocketException or OperationCanceledException && !cancellationToken.IsCancellationRequested)
        {
            return false;
        }
    }
}
