using System.CommandLine;
using NoriKV.Cli.Cluster;
using NoriKV.Cli.Console;
using NoriKV.Node.Meta;

namespace NoriKV.Cli.Commands;

/// <summary>Moving leaderships and replicas of single shards.</summary>
internal static class ClusterMoveCommands
{
    private static readonly TimeSpan Period = TimeSpan.FromMilliseconds(100);

    /// <summary>A leadership that does not show by then is said to be on its way.</summary>
    private static readonly TimeSpan ShownMax = TimeSpan.FromSeconds(5);

    public static void AddTo(Command cluster, CliHost host, Option<bool> json)
    {
        cluster.Subcommands.Add(MoveLeader(host, json));
        cluster.Subcommands.Add(MoveReplica(host, json));
    }

    private static ExampleCommand MoveLeader(CliHost host, Option<bool> json)
    {
        var command = new ExampleCommand(
            "move-leader",
            "Move the leadership of a shard to a node that has a vote in it. Leaders are levelled by themselves after a while.",
            "norikv cluster move-leader 309 n2",
            "norikv cluster shards --node n1 --json");
        Argument<uint> shard = ShardArgument(command);
        var target = new Argument<string>("NODE") { Description = "The node that shall lead it" };
        command.Arguments.Add(target);
        ClientOptions client = ClientOptions.AddOperatorsTo(command);
        command.SetAction(async (parse, token) =>
        {
            (uint id, string node) = (parse.GetValue(shard), parse.GetValue(target)!);
            IClusterCalls cluster = client.ConnectCluster(parse, host);
            await using (cluster.ConfigureAwait(false))
            {
                ClusterStatus status = await cluster.MoveLeaderAsync(id, node, token).ConfigureAwait(false);
                long began = host.Time.GetTimestamp();
                while (!Leads(status, id, node) && host.Time.GetElapsedTime(began) < ShownMax)
                {
                    await Task.Delay(Period, host.Time, token).ConfigureAwait(false);
                    status = await cluster.StatusAsync(shards: true, token).ConfigureAwait(false);
                }

                bool leads = Leads(status, id, node);
                var print = new Printer(host, parse.GetValue(json));
                print.Json(w =>
                {
                    w.WriteNumber("shard", id);
                    w.WriteString("target", node);
                    w.WriteBoolean("leads", leads);
                });
                print.Lines([leads ? $"shard {id} is led by {node}" : $"shard {id}: asked for, not seen yet: norikv cluster shards {id}"]);
                return leads ? ExitCode.Ok : ExitCode.No;
            }
        });
        return command;
    }

    private static ExampleCommand MoveReplica(CliHost host, Option<bool> json)
    {
        var command = new ExampleCommand(
            "move-replica",
            "Move a replica of a shard from one node to another: it arrives, catches up, gets the vote, the old one goes. The "
            + "cluster keeps itself level and may move others for it.",
            "norikv cluster move-replica 309 n1 n4");
        Argument<uint> shard = ShardArgument(command);
        var source = new Argument<string>("FROM") { Description = "The node that holds it" };
        var target = new Argument<string>("TO") { Description = "The node that shall hold it" };
        command.Arguments.Add(source);
        command.Arguments.Add(target);
        ClientOptions client = ClientOptions.AddOperatorsTo(command);
        command.SetAction(async (parse, token) =>
        {
            (uint id, string from, string to) = (parse.GetValue(shard), parse.GetValue(source)!, parse.GetValue(target)!);
            IClusterCalls cluster = client.ConnectCluster(parse, host);
            await using (cluster.ConfigureAwait(false))
            {
                var facts = new ClusterFacts(await cluster.MoveReplicaAsync(id, from, to, token).ConfigureAwait(false));
                var print = new Printer(host, parse.GetValue(json));
                print.Json(w => ClusterJson.WriteShards(w, facts, facts.Status.Shards.Where(s => s.Shard.Value == id)));
                print.Lines([$"shard {id} moves from {from} to {to}: norikv cluster shards --moving"]);
                return ExitCode.Ok;
            }
        });
        return command;
    }

    private static bool Leads(ClusterStatus status, uint shard, string node)
    {
        var facts = new ClusterFacts(status);
        return shard < status.Shards.Count && facts.NameOf(status.Shards[(int)shard].Leader) == node;
    }

    private static Argument<uint> ShardArgument(Command command)
    {
        var shard = new Argument<uint>("SHARD") { Description = "Its number; norikv shard-of KEY says that of a key" };
        command.Arguments.Add(shard);
        return shard;
    }
}
