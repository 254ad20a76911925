using System.CommandLine;
using NoriKV.Cli.Cluster;
using NoriKV.Cli.Console;

namespace NoriKV.Cli.Commands;

/// <summary>Emptying, refilling, removing and replacing nodes.</summary>
internal static class ClusterNodeCommands
{
    public static void AddTo(Command cluster, CliHost host, Option<bool> json)
    {
        cluster.Subcommands.Add(Drain(host, json));
        cluster.Subcommands.Add(Undrain(host, json));
        cluster.Subcommands.Add(Decommission(host, json));
        cluster.Subcommands.Add(Replace(host, json));
    }

    private static ExampleCommand Drain(CliHost host, Option<bool> json)
    {
        var command = new ExampleCommand(
            "drain",
            "Empty a node of replicas and show how many are left; ends when it is empty. What is begun goes on when this is "
            + "interrupted. Refused where too few nodes would be left, unless a new replication factor is given.",
            "norikv cluster drain n3",
            "norikv cluster drain n3 --no-wait",
            "norikv cluster drain n3 --replication-factor 1",
            "norikv cluster drain n3 && norikv cluster decommission n3");
        Argument<string> node = NodeArgument(command);
        var factor = new Option<int?>("--replication-factor")
        {
            Description = "Replicas of each shard from now on: an odd number, not above the nodes that are left. As many as those can hold "
                + "rise again when nodes join; fewer is what the cluster is configured for from then on",
            HelpName = "n",
        };
        var noWait = new Option<bool>("--no-wait") { Description = "End once it is on record; norikv cluster nodes shows how far it is" };
        command.Options.Add(factor);
        command.Options.Add(noWait);
        return Acting(command, host, json, async (cluster, print, parse, token) =>
        {
            string name = parse.GetValue(node)!;
            if (parse.GetValue(factor) is < 1) throw new UsageException("--replication-factor must be an odd number, at least 1");
            var facts = new ClusterFacts(await cluster.DrainAsync(name, parse.GetValue(factor), token).ConfigureAwait(false));
            if (!parse.GetValue(noWait))
                facts = await new EmptyingWatch(cluster, host, print.IsJson).RunAsync(name, facts, token).ConfigureAwait(false);
            int left = facts.Find(name) is { } known ? facts.ReplicasOn(known.Node.Number) : 0;
            Answer(print, facts, name, left, left == 0
                ? $"{name} is empty. To remove it: norikv cluster decommission {name}. To fill it again: norikv cluster undrain {name}"
                : $"{name} is being emptied, {ClusterText.Count(left, "replica")} left: norikv cluster nodes");
            return ExitCode.Ok;
        });
    }

    private static ExampleCommand Undrain(CliHost host, Option<bool> json)
    {
        var command = new ExampleCommand(
            "undrain", "A drained or draining node takes replicas again.", "norikv cluster undrain n3");
        Argument<string> node = NodeArgument(command);
        return Acting(command, host, json, async (cluster, print, parse, token) =>
        {
            string name = parse.GetValue(node)!;
            var facts = new ClusterFacts(await cluster.UndrainAsync(name, token).ConfigureAwait(false));
            Answer(print, facts, name, null, $"{name} takes replicas again");
            return ExitCode.Ok;
        });
    }

    private static ExampleCommand Decommission(CliHost host, Option<bool> json)
    {
        var command = new ExampleCommand(
            "decommission", "A drained, empty node is no member any more. Its name is free, its data directory worth nothing.",
            "norikv cluster drain n3 && norikv cluster decommission n3");
        Argument<string> node = NodeArgument(command);
        return Acting(command, host, json, async (cluster, print, parse, token) =>
        {
            string name = parse.GetValue(node)!;
            var facts = new ClusterFacts(await cluster.DecommissionAsync(name, token).ConfigureAwait(false));
            Answer(print, facts, name, null, $"{name} is no member any more: stop its process and remove its data directory");
            return ExitCode.Ok;
        });
    }

    private static ExampleCommand Replace(CliHost host, Option<bool> json)
    {
        var command = new ExampleCommand(
            "replace",
            "Give up a node that will not come back: its replicas are replaced at once, instead of after ten minutes, and "
            + "another node may take its name. Refused for a node that is there, and where its vote is needed.",
            "norikv cluster replace n3",
            "norikv server --node-id n3 --data-dir EMPTY_DIR --seed-nodes db1:7447,db2:7447");
        Argument<string> node = NodeArgument(command);
        return Acting(command, host, json, async (cluster, print, parse, token) =>
        {
            string name = parse.GetValue(node)!;
            var facts = new ClusterFacts(await cluster.ReplaceAsync(name, token).ConfigureAwait(false));
            int live = facts.Members.Count(static n => n.IsLive), wanted = facts.Status.EffectiveReplicationFactor;
            Answer(print, facts, name, null, live >= wanted
                ? $"{name} is given up; the others take its replicas: norikv cluster status"
                : $"{name} is given up. {ClusterText.Count(live, "node")} cannot hold {wanted} replicas of each shard: start one in its "
                    + $"place on an empty directory: norikv server --node-id {name} --seed-nodes "
                    + string.Join(",", facts.Members.Where(static n => n.IsLive).Select(static n => n.Node.Address)));
            return ExitCode.Ok;
        });
    }

    private static void Answer(Printer print, ClusterFacts facts, string node, int? left, string words)
    {
        print.Json(w =>
        {
            w.WriteString("node", node);
            w.WriteString("state", facts.Find(node) is { } known ? Transport.Grpc.AdminMessages.Word(known.Node.State) : "gone");
            if (left is { } count) w.WriteNumber("replicas_left", count);
        });
        print.Lines([words]);
    }

    private static Argument<string> NodeArgument(Command command)
    {
        var node = new Argument<string>("NODE") { Description = "Its id, as norikv cluster nodes shows it" };
        command.Arguments.Add(node);
        return node;
    }

    private static ExampleCommand Acting(
        ExampleCommand command,
        CliHost host,
        Option<bool> json,
        Func<IClusterCalls, Printer, ParseResult, CancellationToken, Task<int>> run)
    {
        ClientOptions client = ClientOptions.AddOperatorsTo(command);
        command.SetAction(async (parse, token) =>
        {
            IClusterCalls cluster = client.ConnectCluster(parse, host);
            await using (cluster.ConfigureAwait(false))
                return await run(cluster, new Printer(host, parse.GetValue(json)), parse, token).ConfigureAwait(false);
        });
        return command;
    }
}
