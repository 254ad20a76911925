using System.CommandLine;
using NoriKV.Cli.Cluster;
using NoriKV.Cli.Console;
using NoriKV.Client;
using NoriKV.Node;
using NoriKV.Node.Meta;
using NoriKV.Types;

namespace NoriKV.Cli.Commands;

/// <summary><c>norikv cluster …</c>: how the cluster is, and what operators want of it. Asks any node.</summary>
internal static class ClusterCommand
{
    public static Command Create(CliHost host, Option<bool> json)
    {
        var command = new ExampleCommand(
            "cluster",
            "Show the cluster and operate it. Any node answers; what is wanted is passed on to the leader of the meta group.",
            "norikv cluster status",
            "norikv cluster nodes --addr db1:7447,db2:7447",
            "norikv cluster drain n3",
            "norikv cluster COMMAND --help");
        command.Subcommands.Add(Status(host, json));
        command.Subcommands.Add(Nodes(host, json));
        command.Subcommands.Add(Shards(host, json));
        command.Subcommands.Add(Health(host, json));
        command.Subcommands.Add(View(host, json));
        ClusterNodeCommands.AddTo(command, host, json);
        ClusterMoveCommands.AddTo(command, host, json);
        return command;
    }

    private static ExampleCommand Status(CliHost host, Option<bool> json)
    {
        var command = new ExampleCommand(
            "status", "The cluster in a few lines: leader of the meta group, nodes, shards, moves.",
            "norikv cluster status", "norikv cluster status --json");
        return Asking(command, host, json, static (facts, print, _) =>
        {
            print.Json(w => ClusterJson.WriteSummary(w, facts));
            print.Lines(ClusterText.Summary(facts));
            return ExitCode.Ok;
        });
    }

    private static ExampleCommand Nodes(CliHost host, Option<bool> json)
    {
        var command = new ExampleCommand(
            "nodes", "The nodes: state, whether they are there, what they hold and lead.",
            "norikv cluster nodes", "norikv cluster nodes --all --json");
        var all = new Option<bool>("--all") { Description = "Those that are no members any more, too" };
        command.Options.Add(all);
        return Asking(command, host, json, (facts, print, parse) =>
        {
            bool wantsAll = parse.GetValue(all);
            print.Json(w => ClusterJson.WriteNodes(w, facts.Status.Nodes.Where(n => wantsAll || n.Node.IsMember)));
            print.Lines(ClusterText.Nodes(facts, wantsAll).Lines());
            return ExitCode.Ok;
        });
    }

    private static ExampleCommand Shards(CliHost host, Option<bool> json)
    {
        var command = new ExampleCommand(
            "shards", "The shards: who leads them, where their replicas are, what moves. The meta group is the last one.",
            "norikv cluster shards --moving",
            "norikv cluster shards --node n2 --limit 20",
            "norikv cluster shards 7 309 --json");
        var ids = new Argument<uint[]>("SHARD") { Description = "Only these", Arity = ArgumentArity.ZeroOrMore };
        var node = new Option<string?>("--node") { Description = "Only those with a replica on this node", HelpName = "name" };
        var leaderless = new Option<bool>("--leaderless") { Description = "Only those that nobody leads" };
        var moving = new Option<bool>("--moving") { Description = "Only those with a move under way" };
        var limit = new Option<int>("--limit") { Description = "Show so many; 0 for all", HelpName = "n" };
        command.Arguments.Add(ids);
        foreach (Option option in (Option[])[node, leaderless, moving, limit]) command.Options.Add(option);
        return Asking(command, host, json, (facts, print, parse) =>
        {
            uint[] wanted = parse.GetValue(ids) ?? [];
            foreach (uint id in wanted.Where(id => id > facts.Status.TotalShards))
                throw new UsageException($"there is no shard {id}: there are {facts.Status.TotalShards}, the meta group behind them");
            NumberOf(facts, parse.GetValue(node), out NodeNumber? on);
            ShardStatus[] found = [.. facts.Status.Shards
                .Where(s => wanted.Length == 0 || wanted.Contains(s.Shard.Value))
                .Where(s => on is not { } number || s.Replicas.Any(r => r.Node == number))
                .Where(s => !parse.GetValue(leaderless) || s.Leader.Value == 0)
                .Where(s => !parse.GetValue(moving) || s.Move is not null)];
            int most = parse.GetValue(limit);
            ShardStatus[] shown = most > 0 ? found[..Math.Min(most, found.Length)] : found;
            print.Json(w => ClusterJson.WriteShards(w, facts, shown));
            print.Lines(ClusterText.Shards(facts, shown).Lines());
            if (shown.Length < found.Length) print.Note($"{found.Length - shown.Length} more; --limit 0 shows all");
            return ExitCode.Ok;
        });
    }

    private static ExampleCommand Health(CliHost host, Option<bool> json)
    {
        var command = new ExampleCommand(
            "health", "healthy, degraded or unhealthy, and why; exit code 0 only when healthy. norikv doctor looks deeper.",
            "norikv cluster health", "norikv cluster health --json || norikv doctor");
        return Asking(command, host, json, static (facts, print, _) =>
        {
            print.Json(w =>
            {
                w.WriteString("status", ClusterText.Health(facts).First());
                ClusterJson.WriteSummary(w, facts);
            });
            print.Lines(ClusterText.Health(facts));
            return facts.IsHealthy ? ExitCode.Ok : ExitCode.No;
        });
    }

    private static ExampleCommand View(CliHost host, Option<bool> json)
    {
        var command = new ExampleCommand(
            "view", "The view that clients route by, as the asked node has it; also without a leader of the meta group.",
            "norikv cluster view", "norikv cluster view --json --addr db2:7447");
        ClientOptions client = ClientOptions.AddTo(command);
        command.SetAction(async (parse, token) =>
        {
            INoriKV store = await client.ConnectAsync(parse, host, token).ConfigureAwait(false);
            await using (store.ConfigureAwait(false))
            {
                ClusterView view = await store.GetClusterViewAsync(token).ConfigureAwait(false);
                var print = new Printer(host, parse.GetValue(json));
                print.Json(w => ClusterViewJson.WriteMembers(w, view));
                print.Lines([$"epoch {view.Epoch}, {ClusterText.Count(view.TotalShards, "shard")}, cluster {view.ClusterId}",
                    .. ClusterText.View(view).Lines()]);
                return ExitCode.Ok;
            }
        });
        return command;
    }

    private static void NumberOf(ClusterFacts facts, string? name, out NodeNumber? number)
    {
        number = null;
        if (name is null) return;
        number = facts.Find(name)?.Node.Number ?? throw new UsageException(
            $"there is no node {name}; the members are {string.Join(", ", facts.Members.Select(static n => n.Node.Name))}");
    }

    private static ExampleCommand Asking(
        ExampleCommand command, CliHost host, Option<bool> json, Func<ClusterFacts, Printer, ParseResult, int> show)
    {
        ClientOptions client = ClientOptions.AddOperatorsTo(command);
        command.SetAction(async (parse, token) =>
        {
            IClusterCalls cluster = client.ConnectCluster(parse, host);
            await using (cluster.ConfigureAwait(false))
            {
                var facts = new ClusterFacts(await cluster.StatusAsync(shards: true, token).ConfigureAwait(false));
                return show(facts, new Printer(host, parse.GetValue(json)), parse);
            }
        });
        return command;
    }
}
